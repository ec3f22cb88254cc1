"""Where messages go: PAYERWATCH_MAIL_URL, read once and loud about what it cannot read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

FORM = (
    "Write it as smtp://user:password@host:587?tls=1 or smtps://user:password@host:465; "
    "or, for a service, as postmark://TOKEN@ or mailgun://KEY@mg.example.com."
)
_SMTP = "django.core.mail.backends.smtp.EmailBackend"
_FILES = "payerwatch.members.mail_files.EmailBackend"
# Services that take messages over HTTPS, and Anymail's names of what the address's user and host are to each.
_SERVICES = {
    "brevo": ("BREVO_API_KEY", ""),
    "mailersend": ("MAILERSEND_API_TOKEN", ""),
    "mailgun": ("MAILGUN_API_KEY", "MAILGUN_SENDER_DOMAIN"),
    "postmark": ("POSTMARK_SERVER_TOKEN", ""),
    "resend": ("RESEND_API_KEY", ""),
    "sparkpost": ("SPARKPOST_API_KEY", ""),
}
_TLS = {"": False, "0": False, "1": True}


@dataclass(frozen=True)
class MailServer:
    """Django's settings of e-mail. `tls` begins in the clear and changes over, `ssl` is TLS from the first byte."""

    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    tls: bool = False
    ssl: bool = False
    folder: Path | None = None
    service: Mapping[str, str] = field(default_factory=dict)
    """Anymail's settings, where a service takes the messages."""


def read_mail_url(url: str, folder: Path) -> MailServer:
    """The mail server of the address; without one, messages become files in the folder. Raises ImproperlyConfigured."""
    if not url:
        return MailServer(_FILES, folder=folder)
    try:
        return _read(urlsplit(url))
    except ValueError as error:
        # The address holds a password: it is not repeated.
        raise ImproperlyConfigured(f"PAYERWATCH_MAIL_URL cannot be used: {error}. {FORM}") from None


def read_public_url(url: str) -> str:
    """Where people reach the installation, without a slash at the end. Raises ImproperlyConfigured."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or any(letter.isspace() for letter in url):
        raise ImproperlyConfigured("PAYERWATCH_URL must be an address such as https://payerwatch.example.com.")
    return url.rstrip("/")


def read_sender(sender: str) -> str:
    """Who messages come from. Raises ImproperlyConfigured."""
    if sender.count("@") != 1 or not sender.isprintable():
        raise ImproperlyConfigured(
            "PAYERWATCH_MAIL_FROM must be an address such as payerwatch@example.com, or Name <payerwatch@example.com>."
        )
    return sender


def _read(parts: SplitResult) -> MailServer:
    if parts.scheme in _SERVICES:
        return _service(parts)
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError(f"it begins with none of smtp, smtps, {', '.join(_SERVICES)}")
    if not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise ValueError("it must name a host and nothing behind it")
    ssl, tls = parts.scheme == "smtps", _tls_of(parts.query)
    if ssl and parts.query:
        raise ValueError("smtps:// needs no tls=")
    if parts.password and not (ssl or tls):
        raise ValueError("it would send the password in the clear")
    return MailServer(
        _SMTP,
        host=parts.hostname,
        port=_port(parts) or (465 if ssl else 587 if tls else 25),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
        ssl=ssl,
    )


def _service(parts: SplitResult) -> MailServer:
    key, domain = _SERVICES[parts.scheme]
    if not parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("of a service it holds the key before an @, and nothing else but the domain behind it")
    if bool(domain) != bool(parts.hostname):
        raise ValueError("it must name the domain it sends for" if domain else "behind the @ nothing may stand")
    named = {domain: parts.hostname} if domain and parts.hostname else {}
    backend = f"anymail.backends.{parts.scheme}.EmailBackend"
    return MailServer(backend, service={key: unquote(parts.username), **named})


def _port(parts: SplitResult) -> int | None:
    """Its own words for a port that is none would repeat a part of the address."""
    try:
        return parts.port
    except ValueError:
        raise ValueError("its port is not a number from 1 to 65535") from None


def _tls_of(query: str) -> bool:
    words = parse_qs(query, keep_blank_values=True)
    values = words.pop("tls", [""])
    if words or len(values) != 1 or values[0] not in _TLS:
        raise ValueError("behind the ? only tls=1 or tls=0 may stand")
    return _TLS[values[0]]
