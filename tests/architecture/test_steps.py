"""A worker knows every step: else one would be put on the queue by a server and fail wherever it is taken."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import payerwatch

pytestmark = pytest.mark.pure

SOURCE = Path(payerwatch.__file__).parent
_KNOWN = """
import json, os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
django.setup()
import payerwatch.schedule
print(json.dumps([name for name in sys.modules if name.startswith("payerwatch.")]))
"""


def test_every_module_with_a_step_is_imported_by_the_schedule():
    with_steps = {
        ".".join(("payerwatch", *path.relative_to(SOURCE).with_suffix("").parts))
        for path in SOURCE.rglob("*.py")
        if re.search(r"^@step$", path.read_text(), re.MULTILINE)
    }
    done = subprocess.run([sys.executable, "-c", _KNOWN], capture_output=True, text=True, check=True)
    assert with_steps
    assert with_steps <= set(json.loads(done.stdout))
