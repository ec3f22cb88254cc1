"""What cannot be opened is for the operator: no waiting helps, and the log names the key."""

from typing import Any

import pytest

from payerwatch.members.door_refusals import Busy
from payerwatch.sealing.keys import FieldKeyMissing
from payerwatch.web.api.health import Health
from tests.web.asking import NOBODY, problem_in

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "year-2026"


def asked(monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> Any:
    def refuse(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(Health, "show", refuse)
    return NOBODY.ask("GET", "/api/v1/health/")


def test_a_missing_field_key_sends_to_the_operator_whom_the_log_tells_which(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    answer = asked(monkeypatch, FieldKeyMissing(KEY))
    document = problem_in(answer)
    assert (answer.status_code, document["code"]) == (503, "field_key_missing")
    assert "operator" in document["fix"]
    assert "Retry-After" not in answer.headers
    assert KEY not in answer.content.decode()
    assert KEY in caplog.text


def test_what_passes_is_to_be_tried_again(monkeypatch: pytest.MonkeyPatch):
    answer = asked(monkeypatch, Busy())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Try again" in problem_in(answer)["fix"]
