"""What most commands never use is not loaded before it is: it would take as long as all else with which they begin."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.pure

LATE = ("numpy", "scipy", "polars", "matplotlib", "opentelemetry")
BEGIN = """
import sys, django
django.setup()
import payerwatch.pipeline, payerwatch.members.mail, payerwatch.web.api.urls
print(*(each for each in {} if each in sys.modules))
"""


def test_a_command_begins_without_what_only_judging_needs():
    command = [sys.executable, "-c", BEGIN.format(LATE)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == []
