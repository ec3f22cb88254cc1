"""Messages to people: plain text, sent when the change they speak of is committed.

A mail server that fails changes nothing of what was done: it is logged, and what the message held can be asked
for again. Secrets stand beside the address that takes them and never in it, which servers and browsers keep in logs.
"""

import logging
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from payerwatch.config.mail_failures import mail_failures

logger = logging.getLogger(__name__)


def call(address: str, token: str) -> str:
    """How a secret is used, in one line: the address of the API that takes it, and the secret."""
    return f"POST {settings.PUBLIC_URL}/api/v1/auth/{address}/ with the token {token}"


def invitation_call(text: str) -> str:
    return call("invitation", text)


def mail_folder() -> Path | None:
    """Where messages are written as files; None where a mail server sends them."""
    return Path(settings.EMAIL_FILE_PATH) if settings.EMAIL_FILE_PATH else None


def send_invitation(email: str, *, inviter: str, customer: str, role: str, text: str, days: int, about: str) -> None:
    """`inviter` is who invites by name, empty where an operator does."""
    who = f"{inviter} invites you" if inviter else "You are invited"
    body = (
        f"{who} to {customer} in Payerwatch, in the role {role}.\n\n"
        f"Join within {days} days; it works once. Who is new sends a name and a password besides, "
        f"who signs in already their password:\n\n{invitation_call(text)}\n\n"
        "If you did not expect this, you need do nothing.\n"
    )
    _send(email, f"Invitation to {customer}", body, about=about)


def send_password_reset(email: str, *, text: str, about: str) -> None:
    body = (
        "Someone, probably you, asked to choose a new password for Payerwatch.\n\n"
        "Send the new password within one hour; it works once:\n\n"
        f"{call('password-reset/confirm', text)}\n\n"
        "If it was not you, you need do nothing: your password stays as it is.\n"
    )
    _send(email, "Choose a new password", body, about=about)


def send_password_changed(email: str, *, about: str) -> None:
    body = (
        "Your password for Payerwatch was changed, and you were signed out elsewhere.\n\n"
        "If it was not you, ask for a link to choose a new one at once and tell whoever runs your Payerwatch.\n"
    )
    _send(email, "Your password was changed", body, about=about)


def send_second_factor_changed(email: str, *, now_on: bool, about: str) -> None:
    body = (
        f"Signing in to Payerwatch with a second factor was switched {'on' if now_on else 'off'} for you.\n\n"
        "If it was not you, change your password at once and tell whoever runs your Payerwatch.\n"
    )
    _send(email, "Your second factor was changed", body, about=about)


def _send(email: str, subject: str, body: str, *, about: str) -> None:
    """Send once the transaction is committed, or now outside of one. `about` is the public id that logs may name."""

    def deliver() -> None:
        _deliver(EmailMessage(subject, body, to=[email]), about)

    transaction.on_commit(deliver, robust=True)


def _deliver(message: EmailMessage, about: str) -> None:
    try:
        message.send()
    except mail_failures() as error:
        # The server's own words may hold the address: they are not repeated.
        logger.warning("The message about %s could not be sent: %s.", about, type(error).__name__)
