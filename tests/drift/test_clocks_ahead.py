"""A machine whose clock is ahead loads or judges, and another after it: what came later counts as later."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from payerwatch.claims.models import Claim, Upload
from payerwatch.drift.actions import detect_drift
from payerwatch.drift.queries import run_in_force
from payerwatch.tenancy.context import acting_in
from tests.journeys.denying import denied_much_more
from tests.make import answer, customer, row, upload

pytestmark = pytest.mark.django_db(transaction=True)

AHEAD = timedelta(hours=1)


def test_a_file_sent_again_after_an_undo_brings_its_claims_back(tmp_path: Path):
    practice, rows = customer(), [row(number=f"C{number}") for number in range(3)]
    upload(tmp_path, rows, "--date-order", "ymd")
    upload(tmp_path, rows[:2], "--date-order", "ymd", name="a.csv")
    with acting_in(practice):
        brought, repeated = Upload.objects.order_by("pk")
        Upload.objects.filter(pk=repeated.pk).update(loaded_at=timezone.now() + AHEAD)
    assert answer("undo", brought.public_id).code == 0
    upload(tmp_path, rows[:2], "--date-order", "ymd", name="a.csv")
    with acting_in(practice):
        assert Claim.objects.count() == 2


def test_the_run_that_was_judged_last_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    practice, true = customer(), timezone.now
    upload(tmp_path, denied_much_more(), "--date-order", "ymd")
    with monkeypatch.context() as ahead:
        ahead.setattr(timezone, "now", lambda: true() + AHEAD)
        with acting_in(practice):
            detect_drift(None)
    later = row(number="X1", payer="Blue Shield", submitted="2026-01-05", decided="2026-01-16")
    upload(tmp_path, [later], "--date-order", "ymd", name="b.csv")
    with acting_in(practice):
        judged = detect_drift(None).run
        assert run_in_force() == judged
        assert detect_drift(None).repeated
