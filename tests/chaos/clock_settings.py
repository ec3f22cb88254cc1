"""The product's settings with a clock that is off by so many seconds as CHAOS_CLOCK says: only tests start one.

Days are counted by it too: `date.today()` asks `time.time()`.
"""

import os
import time
from datetime import timedelta

from django.utils import timezone

from payerwatch.config.settings import *  # noqa: F403

_OFF = float(os.environ["CHAOS_CLOCK"])
_now, _time = timezone.now, time.time

timezone.now = lambda: _now() + timedelta(seconds=_OFF)  # type: ignore[assignment]
time.time = lambda: _time() + _OFF
