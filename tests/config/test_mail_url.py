"""Where messages go: read from the environment, and loud about what cannot be read."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.test import override_settings

from payerwatch.config.mail_url import read_mail_url, read_public_url, read_sender

pytestmark = pytest.mark.pure

FOLDER = Path("/data/mail")
SECRET = "s3cr3t"


def test_without_an_address_messages_become_files():
    found = read_mail_url("", FOLDER)
    assert (found.backend, found.folder) == ("payerwatch.members.mail_files.EmailBackend", FOLDER)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "tls", "ssl"),
    [
        ("smtp://mail.example", "mail.example", 25, "", "", False, False),
        ("smtp://mail.example:2525?tls=0", "mail.example", 2525, "", "", False, False),
        ("smtp://u:p@mail.example?tls=1", "mail.example", 587, "u", "p", True, False),
        ("smtp://u%40x:p%2Fq%3A@mail.example:26?tls=1", "mail.example", 26, "u@x", "p/q:", True, False),
        ("smtps://u:p@mail.example", "mail.example", 465, "u", "p", False, True),
        ("smtps://u:p@[::1]:9465/", "::1", 9465, "u", "p", False, True),
    ],
)
def test_a_mail_server_is_read(url: str, host: str, port: int, user: str, password: str, tls: bool, ssl: bool):
    found = read_mail_url(url, FOLDER)
    assert found.backend == "django.core.mail.backends.smtp.EmailBackend"
    assert (found.host, found.port, found.user, found.password) == (host, port, user, password)
    assert (found.tls, found.ssl, found.folder) == (tls, ssl, None)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("postmark://t%2Fk@", {"POSTMARK_SERVER_TOKEN": "t/k"}),
        ("mailgun://key@mg.example.com", {"MAILGUN_API_KEY": "key", "MAILGUN_SENDER_DOMAIN": "mg.example.com"}),
        *((f"{name}://key@", {setting: "key"}) for name, setting in (
            ("brevo", "BREVO_API_KEY"), ("mailersend", "MAILERSEND_API_TOKEN"), ("resend", "RESEND_API_KEY"),
            ("sparkpost", "SPARKPOST_API_KEY"),
        )),
    ],
)  # fmt: skip
def test_a_service_is_read_and_its_sender_is_there(url: str, settings: dict[str, str]):
    found = read_mail_url(url, FOLDER)
    assert (dict(found.service), found.folder) == (settings, None)
    with override_settings(ANYMAIL=settings):
        assert get_connection(found.backend).esp_name.lower() == url.partition(":")[0]


@pytest.mark.parametrize(
    "url",
    [
        "postmark://",
        f"postmark://{SECRET}@elsewhere.example",
        f"postmark://u:{SECRET}@",
        f"postmark://{SECRET}@?tls=1",
        f"mailgun://{SECRET}@",
        f"pigeons://{SECRET}@",
        f"mail.example:{SECRET}",
        f"http://u:{SECRET}@mail.example",
        f"smtp://u:{SECRET}@",
        f"smtp://u:{SECRET}@mail.example",
        f"smtp://u:{SECRET}@mail.example?tls=0",
        f"smtp://u:{SECRET}@mail.example?tls=yes",
        f"smtp://u:{SECRET}@mail.example?tls=1&tls=1",
        f"smtp://u:{SECRET}@mail.example?ssl=1",
        f"smtp://u:{SECRET}@mail.example:70000?tls=1",
        f"smtp://u:{SECRET}@mail.example:{SECRET}?tls=1",
        f"smtp://u:{SECRET}@mail.example/path?tls=1",
        f"smtps://u:{SECRET}@mail.example?tls=1",
        f"smtp://u:{SECRET}@[mail.example?tls=1",
    ],
)
def test_what_cannot_be_read_or_would_tell_the_password_is_refused_without_repeating_it(url: str):
    with pytest.raises(ImproperlyConfigured, match="PAYERWATCH_MAIL_URL") as refused:
        read_mail_url(url, FOLDER)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("url", ["https://payerwatch.example/", "http://localhost:8000", "https://x.example/base/"])
def test_the_public_address_has_no_slash_at_its_end(url: str):
    assert read_public_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.example",
        "ftp://x.example",
        "https://",
        "https://u:p@x.example",
        "https://x?y",
        "https://x#y",
        "http://a b",
    ],
)
def test_what_is_no_public_address_is_refused(url: str):
    with pytest.raises(ImproperlyConfigured, match="PAYERWATCH_URL"):
        read_public_url(url)


@pytest.mark.parametrize("sender", ["", "nobody", "a@b@c", "a@example.com\nBcc: b"])
def test_what_is_no_sender_is_refused(sender: str):
    with pytest.raises(ImproperlyConfigured, match="PAYERWATCH_MAIL_FROM"):
        read_sender(sender)


def test_a_sender_may_have_a_name():
    assert read_sender("Payerwatch <p@example.com>") == "Payerwatch <p@example.com>"
