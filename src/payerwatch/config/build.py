"""Which build of Payerwatch this is, as whoever made it says; else the version."""

import re
from importlib.metadata import version

from django.core.exceptions import ImproperlyConfigured

from payerwatch.config import env

_LETTERS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def build_id() -> str:
    """PAYERWATCH_BUILD, else the version. Raises ImproperlyConfigured for what could be no build's name."""
    given = env.text("PAYERWATCH_BUILD")
    if given and not _LETTERS.fullmatch(given):
        raise ImproperlyConfigured("PAYERWATCH_BUILD must be of letters, digits and ._+-, at most 64.")
    return given or version("payerwatch")
