"""What must be applied before a server or a worker begins, and what may be left for later."""

from typing import Any

import pytest

from payerwatch.operations.command import TablesNotReady, refuse_unless_migrated

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_what_is_left_for_later_keeps_nobody_from_beginning(settings: Any):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.release.leaving"]
    refuse_unless_migrated()


def test_what_is_needed_at_once_does(settings: Any):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.release.unmigratable"]
    with pytest.raises(TablesNotReady):
        refuse_unless_migrated()
