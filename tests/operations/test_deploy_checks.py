"""What `payerwatch check --deploy` finds, and that each finding says how to mend it."""

import io
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError

from payerwatch.audit.checkpointing import make_checkpoint_key
from payerwatch.config import env
from payerwatch.config.mail_url import read_mail_url
from payerwatch.members.models import Person, SecondFactor
from payerwatch.operations.deploy_checks import deploy_checks, refuses_serving
from payerwatch.sealing.models import record_customer_key
from payerwatch.tenancy.context import acting_in
from tests import make

pytestmark = pytest.mark.django_db

ERRORS = {f"payerwatch.E{number:03}" for number in range(1, 25)}
SECRET = "correct-horse-battery-staple-0123456789-abcdefghij"


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> None:
    """Settings with which others may reach the installation."""
    monkeypatch.setenv("PAYERWATCH_SECRET_KEY", SECRET)
    settings.HTTPS = True
    settings.PUBLIC_URL = "https://payerwatch.example.org"
    settings.ALLOWED_HOSTS = ["payerwatch.example.org"]
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", env.POSTGRESQL)
    settings.TRUSTED_PROXIES = "10.0.0.0/8"
    settings.MAIL_SERVER = read_mail_url("smtps://user:password@mail.example.org:465", tmp_path)
    settings.DATA_DIR = tmp_path / "data"
    settings.THROTTLE_FILE = settings.DATA_DIR / "throttle.sqlite3"
    settings.CHECKPOINT_DIR = tmp_path / "elsewhere"
    settings.CHECKPOINT_KEY = tmp_path / "keys" / "key.pem"
    make_checkpoint_key()
    settings.THROTTLES = settings.DEFAULT_THROTTLES
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", "localhost")


def found() -> set[str]:
    return {message.id for message in deploy_checks()}


def no_secret(monkeypatch, tmp_path):
    monkeypatch.delenv("PAYERWATCH_SECRET_KEY")


def short_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("PAYERWATCH_SECRET_KEY", "guess me")


def readable_key(monkeypatch, tmp_path):
    settings.CHECKPOINT_KEY.chmod(0o644)


def embedded_database(monkeypatch, tmp_path):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", env.SQLITE)


def repetitive_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("PAYERWATCH_SECRET_KEY", "abcabcabc" * 10)


def key_missing(monkeypatch, tmp_path):
    settings.CHECKPOINT_KEY.unlink()


def checkpoints_nowhere(monkeypatch, tmp_path):
    settings.CHECKPOINT_DIR = tmp_path / "file" / "checkpoints"
    (tmp_path / "file").touch()


def sealed_under_a_key_that_is_gone(monkeypatch, tmp_path):
    settings.FIELD_KEYS = {"2026a": b"k" * 32}
    with acting_in(make.customer()):
        record_customer_key("2026a")
    settings.FIELD_KEYS = {}


def database_away(monkeypatch, tmp_path):
    def away():
        raise OperationalError from psycopg.OperationalError("connection failed: Connection refused")

    monkeypatch.setattr("payerwatch.operations.deploy_storage.missing_migrations", away)


def never_migrated(monkeypatch, tmp_path):
    monkeypatch.setattr("payerwatch.operations.deploy_storage.missing_migrations", lambda: ["claims.0001_initial"])


def second_factor_under_a_key_that_is_gone(monkeypatch, tmp_path):
    person = Person.objects.create(email="someone@practice.example")
    SecondFactor.objects.create(person=person, secret="pw1:2025z:AAAA")


def rate(policy: str, written: str):
    def spoil(monkeypatch, tmp_path):
        settings.THROTTLES = settings.DEFAULT_THROTTLES | {policy: written}

    return spoil


def host(name: str, **options: str):
    def spoil(monkeypatch, tmp_path):
        monkeypatch.setitem(settings.DATABASES["default"], "HOST", name)
        monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", options)

    return spoil


def open_directory(monkeypatch, tmp_path):
    settings.DATA_DIR.mkdir(mode=0o755)


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
    "payerwatch.E012": setting("TELL_ALL", True),
    "payerwatch.E013": repetitive_secret,
    "payerwatch.E014": setting("SECRET_KEY_FALLBACKS", [SECRET, "guess me"]),
    "payerwatch.E015": setting("TRUSTED_PROXIES", ""),
    "payerwatch.E016": key_missing,
    "payerwatch.E017": checkpoints_nowhere,
    "payerwatch.E018": sealed_under_a_key_that_is_gone,
    "payerwatch.E019": rate("sign_in_account", "50/15m"),
    "payerwatch.E020": host("db.example.org", sslmode="prefer"),
    "payerwatch.E021": open_directory,
    "payerwatch.E022": setting("ALLOW_PRIVATE_ENDPOINTS", True),
    "payerwatch.E023": database_away,
    "payerwatch.E024": never_migrated,
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


@pytest.mark.parametrize(
    ("policy", "written", "looser"),
    [
        ("sign_in_account", "5/15m", False),
        ("sign_in_account", "1/3m", False),
        ("sign_in_account", "4/h", False),
        ("sign_in_account", "2/5m", True),
        ("sign_in_everywhere", "10000/1d", True),
        ("confirm_person", "1/2m", True),
        ("api", "100000/s", False),
    ],
)
def test_a_rate_is_looser_if_some_window_lets_more_guesses_pass(
    policy: str, written: str, looser: bool, sound, monkeypatch, tmp_path
):
    rate(policy, written)(monkeypatch, tmp_path)
    assert ("payerwatch.E019" in found()) is looser


@pytest.mark.parametrize(
    ("name", "options", "refused"),
    [
        ("/var/run/postgresql", {}, False),
        ("127.0.0.1", {}, False),
        ("db.example.org", {}, True),
        ("localhost,db.example.org", {}, True),
        ("", {"host": "db.example.org"}, True),
        ("", {"service": "production"}, True),
        ("db.example.org", {"sslmode": "require"}, False),
        ("db.example.org", {"sslmode": "verify-full"}, False),
    ],
)
def test_another_machines_database_is_reached_encrypted(
    name: str, options: dict[str, str], refused: bool, sound, monkeypatch, tmp_path
):
    host(name, **options)(monkeypatch, tmp_path)
    assert ("payerwatch.E020" in found()) is refused


@pytest.mark.parametrize("name", ["MIGRATOR", "BACKUP", "DIRECT"])
def test_every_other_way_to_the_database_counts_too(sound, settings, name: str):
    setattr(settings, f"{name}_DATABASE", {"ENGINE": env.POSTGRESQL, "HOST": "db.example.org", "OPTIONS": {}})
    [error] = [message for message in deploy_checks() if message.id == "payerwatch.E020"]
    assert f"{name}_DATABASE_URL leads to another machine" in error.msg


def test_missing_field_keys_are_named_and_not_called_plain(sound, monkeypatch, tmp_path):
    sealed_under_a_key_that_is_gone(monkeypatch, tmp_path)
    second_factor_under_a_key_that_is_gone(monkeypatch, tmp_path)
    [error] = [message for message in deploy_checks() if message.id == "payerwatch.E018"]
    assert "2025z, 2026a" in error.msg
    assert "payerwatch.W002" not in found()


@pytest.mark.parametrize("holds", ["no key", ""])
def test_a_file_that_holds_no_key_signs_nothing(sound, settings, tmp_path, holds: str):
    settings.CHECKPOINT_KEY = tmp_path / "other.pem"
    settings.CHECKPOINT_KEY.write_text(holds)
    settings.CHECKPOINT_KEY.chmod(0o600)
    assert "payerwatch.E016" in found()


def test_a_misspelt_variable_is_a_warning_with_what_was_meant(sound, monkeypatch):
    monkeypatch.setenv("PAYERWATCH_FIELD_KEY", "2026a:secret")
    [warning] = [message for message in deploy_checks() if message.id == "payerwatch.W005"]
    assert "PAYERWATCH_FIELD_KEY " in warning.msg
    assert warning.hint == "Did you mean PAYERWATCH_FIELD_KEYS?"


def test_the_signing_key_beside_the_checkpoints_is_a_warning(sound, settings):
    settings.CHECKPOINT_DIR = settings.CHECKPOINT_KEY.parent
    assert "payerwatch.W004" in found()


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


def test_the_command_answers_with_one_document(sound, settings, monkeypatch):
    monkeypatch.setattr("django.conf.settings.SECRET_KEY", SECRET)
    passed = make.answer("check", "--deploy", customer=None)
    assert passed.code == 0, passed.document
    settings.HTTPS = False
    failed = make.answer("check", "--deploy", customer=None)
    assert failed.code == 1
    [error] = [finding for finding in failed.document["findings"] if finding["level"] == "error"]
    assert error["id"] == "payerwatch.E003"
    assert error["message"]
    assert error["fix"]


def test_a_tag_that_is_none_is_refused_in_the_document():
    assert make.answer("check", "--tag", "nonsense", customer=None).error["code"] == "settings_unusable"


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "[::1]:8000", "localhost:8000", "unix:/run/payerwatch.sock"])
def test_serving_this_machine_alone_needs_nothing(bind: str, settings):
    settings.TRUSTED_PROXIES, settings.ALLOWED_HOSTS = "", ["localhost"]
    assert refuses_serving(bind) == []


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "unix:/run/payerwatch.sock"])
@pytest.mark.parametrize(
    ("name", "value"), [("TRUSTED_PROXIES", "127.0.0.1"), ("ALLOWED_HOSTS", ["payerwatch.example.org"])]
)
def test_serving_a_proxy_on_this_machine_is_serving_others(bind: str, name: str, value: object, settings):
    settings.TRUSTED_PROXIES, settings.ALLOWED_HOSTS = "", ["localhost"]
    setattr(settings, name, value)
    assert "payerwatch.E003" in {error.id for error in refuses_serving(bind)}
    assert refuses_serving(bind, for_trying=True) == []


@pytest.mark.parametrize("options", [(), ("--for-trying",)])
def test_serving_others_with_settings_for_trying_it_is_refused(options: tuple[str, ...]):
    answered = make.answer("serve", "--bind", "0.0.0.0:8000", *options, customer=None)
    assert answered.error["code"] == "not_safe_to_serve"
    assert "PAYERWATCH_HTTPS" in answered.error["where"]
