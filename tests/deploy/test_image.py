"""What the image leaves out to be small, nothing of the product needs."""

import re
import subprocess
import sys

import pytest

from tests.deploy.reading import instructions

pytestmark = pytest.mark.pure

# Everything of the product, and the views, without what the image has not.
LOADED = """
import os, pkgutil, sys
from importlib import import_module

class LeftOut:
    def find_spec(self, name, path=None, target=None):
        if set(sys.argv[1].split()) & set(name.split(".")):
            raise ModuleNotFoundError(f"The image has no {name}", name=name)

sys.meta_path.insert(0, LeftOut())
os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
import django
django.setup()
import payerwatch
from payerwatch.web.server import load_views
load_views()
found = [each.name for each in pkgutil.walk_packages(payerwatch.__path__, "payerwatch.")]
for name in found:
    if not name.endswith("__main__"):
        import_module(name)
print(len(found))
"""


def left_out() -> set[str]:
    """Names of directories that are removed, and packages that are uninstalled."""
    made = " ".join(instructions("RUN"))
    return {*re.findall(r"-name (\w+)", made), *re.findall(r"pip uninstall --yes ([\w ]+?) +&&", made)[0].split()}


def loaded_without(names: set[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LOADED, " ".join(sorted(names))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_product_is_whole_without_what_the_image_leaves_out(monkeypatch: pytest.MonkeyPatch):
    for name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert {"tests", "pip"} <= left_out()
    done = loaded_without(left_out())
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 300


def test_what_is_needed_is_found_out():
    assert "The image has no rest_framework.test" in loaded_without({"test"}).stderr
