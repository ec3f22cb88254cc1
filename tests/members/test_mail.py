"""Messages: sent after the commit, harmless where the server fails, files where there is no server."""

import logging
import re
import smtplib
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core import mail as django_mail
from django.db import transaction
from django.urls import resolve

from payerwatch.config.logging import JsonLines
from payerwatch.members import mail
from payerwatch.members.invitations import accept_invitation, invite, resend_invitation
from payerwatch.members.models import Invitation
from payerwatch.tenancy.context import acting_in
from tests.make import ACTOR, customer
from tests.members.credentials import origin

pytestmark = pytest.mark.django_db

LINK = re.compile(r"https?://\S+")


def send_all() -> None:
    mail.send_invitation(
        "a@example.com",
        inviter="Ada",
        customer="Practice",
        role="viewer",
        text="cus_x.secret",
        days=7,
        about="inv_x",
    )
    mail.send_password_reset("a@example.com", text="secret", about="per_x")
    mail.send_password_changed("a@example.com", about="per_x")
    mail.send_second_factor_changed("a@example.com", now_on=True, about="per_x")


def test_messages_are_short_plain_text_with_links_to_this_installation_alone(
    mailoutbox, settings, django_capture_on_commit_callbacks
):
    settings.PUBLIC_URL = "https://payerwatch.example/base"
    with django_capture_on_commit_callbacks(execute=True):
        send_all()
    assert len(mailoutbox) == 4
    for message in mailoutbox:
        assert message.content_subtype == "plain"
        assert not message.attachments
        assert len(message.body.split()) < 60
        assert all(link.startswith("https://payerwatch.example/base/") for link in LINK.findall(message.body))


def test_a_secret_stands_in_no_address_which_logs_keep(mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        send_all()
    links = [link for message in mailoutbox for link in LINK.findall(message.body)]
    assert len(links) == 2
    assert not any("secret" in link for link in links)


def test_an_invitation_says_who_invites_to_what_and_how_to_accept(
    mailoutbox, settings, django_capture_on_commit_callbacks
):
    settings.PUBLIC_URL = "https://payerwatch.example"
    with django_capture_on_commit_callbacks(execute=True):
        send_all()
    body = mailoutbox[0].body
    assert "Ada invites you to Practice in Payerwatch, in the role viewer." in body
    assert "\nPOST https://payerwatch.example/api/v1/auth/invitation/ with the token cus_x.secret\n" in body


def test_what_messages_tell_to_call_is_there(mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        send_all()
    for message in mailoutbox[:2]:
        [address] = LINK.findall(message.body)
        assert resolve(urlsplit(address).path)


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_sends_nothing(mailoutbox):
    practice = customer()
    with acting_in(practice):
        invite("a@example.com", "viewer", actor=ACTOR)
        transaction.set_rollback(True)
    with acting_in(practice):
        assert not Invitation.objects.exists()
    assert not mailoutbox


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("a@example.com"), ConnectionRefusedError(), TimeoutError()]
)
def test_a_mail_server_that_fails_undoes_nothing_and_the_link_can_be_sent_again(
    error: Exception, mailoutbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    practice = customer()
    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", lambda _: fail(error))
        with acting_in(practice):
            invitation = invite("a@example.com", "viewer", actor=ACTOR).invitation
    [logged] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert invitation.public_id in logged.getMessage()
    assert "a@example.com" not in logged.getMessage()
    with acting_in(practice):
        assert Invitation.objects.filter(pk=invitation.pk).exists()
        again = resend_invitation(invitation, actor=ACTOR)
    assert again.text in mailoutbox[0].body
    accept_invitation(again.text, name="Ann", password="seven grey herons wade", origin=origin())


@pytest.mark.django_db(transaction=True)
def test_a_service_for_mail_that_does_not_answer_undoes_nothing(settings, caplog: pytest.LogCaptureFixture):
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": "http://127.0.0.1:1/"}
    with acting_in(customer()):
        invite("a@example.com", "viewer", actor=ACTOR)
    [logged] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert logged.getMessage().endswith("could not be sent: AnymailRequestsAPIError.")


def fail(error: Exception) -> None:
    raise error


def test_without_a_server_messages_are_files_for_the_owner_alone(
    tmp_path: Path, settings, django_capture_on_commit_callbacks
):
    folder = tmp_path / "mail"
    settings.EMAIL_BACKEND = "payerwatch.members.mail_files.EmailBackend"
    settings.EMAIL_FILE_PATH = str(folder)
    with django_capture_on_commit_callbacks(execute=True):
        mail.send_password_reset("a@example.com", text="the-secret", about="per_x")
    assert mail.mail_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    [file] = folder.iterdir()
    assert "the-secret" in file.read_text()
    assert not hasattr(django_mail, "outbox") or not django_mail.outbox


def test_with_a_server_there_is_no_folder(settings):
    settings.EMAIL_FILE_PATH = ""
    assert mail.mail_folder() is None


@pytest.mark.django_db(transaction=True)
def test_a_fault_in_sending_is_logged_and_not_told_of_what_was_kept(monkeypatch, caplog):
    monkeypatch.setattr(mail.EmailMessage, "send", lambda _: fail(ValueError("a@example.com")))
    practice = customer()
    with acting_in(practice):
        invite("new@example.com", "viewer", actor=ACTOR)
    with acting_in(practice):
        assert Invitation.objects.count() == 1
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "a@example.com" not in JsonLines().format(record)
