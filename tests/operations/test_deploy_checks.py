"""What `payerwatch check --deploy` finds, and that each finding says how to mend it."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from payerwatch.config import env
from payerwatch.config.mail_url import read_mail_url
from payerwatch.operations.deploy_checks import deploy_checks
from tests import make

pytestmark = pytest.mark.django_db

ERRORS = {f"payerwatch.E{number:03}" for number in range(1, 12)}


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> None:
    """Settings with which others may reach the installation."""
    monkeypatch.setenv("PAYERWATCH_SECRET_KEY", "k" * 50)
    settings.HTTPS = True
    settings.PUBLIC_URL = "https://payerwatch.example.org"
    settings.ALLOWED_HOSTS = ["payerwatch.example.org"]
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", env.POSTGRESQL)
    settings.TRUSTED_PROXIES = "10.0.0.0/8"
    settings.MAIL_SERVER = read_mail_url("smtps://user:password@mail.example.org:465", tmp_path)
    settings.DATA_DIR = tmp_path / "data"
    settings.CHECKPOINT_DIR = tmp_path / "elsewhere"
    settings.CHECKPOINT_KEY = tmp_path / "key.pem"


def found() -> set[str]:
    return {message.id for message in deploy_checks()}


def no_secret(monkeypatch, tmp_path):
    monkeypatch.delenv("PAYERWATCH_SECRET_KEY")


def short_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("PAYERWATCH_SECRET_KEY", "guess me")


def readable_key(monkeypatch, tmp_path):
    settings.CHECKPOINT_KEY.write_text("")
    settings.CHECKPOINT_KEY.chmod(0o644)


def embedded_database(monkeypatch, tmp_path):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", env.SQLITE)


def setting(name: str, value: object):
    def spoil(monkeypatch, tmp_path):
        setattr(settings, name, value)

    return spoil


def mail(url: str):
    def spoil(monkeypatch, tmp_path):
        settings.MAIL_SERVER = read_mail_url(url, tmp_path)

    return spoil


SPOILT = {
    "payerwatch.E001": no_secret,
    "payerwatch.E002": short_secret,
    "payerwatch.E003": setting("HTTPS", False),
    "payerwatch.E004": setting("PUBLIC_URL", "http://payerwatch.example.org"),
    "payerwatch.E005": setting("ALLOWED_HOSTS", ["*"]),
    "payerwatch.E006": setting("ALLOWED_HOSTS", ["localhost"]),
    "payerwatch.E007": embedded_database,
    "payerwatch.E008": setting("TRUSTED_PROXIES", "0.0.0.0/0"),
    "payerwatch.E009": mail(""),
    "payerwatch.E010": mail("smtp://mail.example.org:25"),
    "payerwatch.E011": readable_key,
}


def test_sound_settings_have_no_error(sound):
    assert not found() & ERRORS


def test_every_error_has_a_case():
    assert set(SPOILT) == ERRORS


@pytest.mark.parametrize("code", SPOILT)
def test_one_unsafe_setting_is_one_error_with_its_fix(code: str, sound, monkeypatch, tmp_path, settings):
    SPOILT[code](monkeypatch, tmp_path)
    [error] = [message for message in deploy_checks() if message.id in ERRORS]
    assert error.id == code
    assert error.hint


def test_plain_claim_numbers_are_a_warning_and_no_error(sound, settings):
    settings.FIELD_KEYS = ()
    assert "payerwatch.W002" in found()
    assert not found() & ERRORS


def test_checkpoints_beside_the_database_are_a_warning(sound, settings):
    settings.CHECKPOINT_DIR = settings.DATA_DIR / "checkpoints"
    assert "payerwatch.W001" in found()


def test_the_command_fails_on_settings_for_trying_it(tmp_path):
    with pytest.raises(SystemCheckError, match="PAYERWATCH_HTTPS"):
        call_command("check", deploy=True, stdout=io.StringIO(), stderr=io.StringIO())


def test_serving_others_with_settings_for_trying_it_is_refused():
    answered = make.answer("serve", "--bind", "0.0.0.0:8000", customer=None)
    assert answered.error["code"] == "not_safe_to_serve"
    assert "PAYERWATCH_HTTPS" in answered.error["where"]
