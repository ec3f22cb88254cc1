"""`payerwatch add_member --customer NAME --email EMAIL --role ROLE`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.members import mail
from payerwatch.members.actions import add_member
from payerwatch.members.email_addresses import email_address
from payerwatch.members.invitations import DAYS, Invited, invite
from payerwatch.members.models import Member, Person
from payerwatch.members.people import add_recorded_person
from payerwatch.members.queries import person_with_email
from payerwatch.members.roles import Role
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.operations.passwords import add_password_argument, read_password
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.queries import customer_named


class NameMissing(Refusal):
    """Somebody is added with a password and has no name."""

    def __init__(self) -> None:
        super().__init__("A name is needed with --password-stdin.", where="--name", fix="Give --name as well.")


class NameNotTaken(Refusal):
    """A name was given for somebody who gives their own, or has one."""

    def __init__(self) -> None:
        super().__init__(
            "A name is taken with --password-stdin alone: who is invited gives their own.",
            where="--name",
            fix="Leave --name out.",
        )


class Command(PayerwatchCommand):
    help = (
        "Add a member to a customer. Who signs in already is added at once; anybody else gets an invitation by mail, "
        "or with --password-stdin a password chosen here."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--email", required=True, help="what they sign in with")
        parser.add_argument("--name", default="", help="their name, with --password-stdin and only then")
        parser.add_argument("--role", required=True, choices=[role.value for role in Role.of_members()])
        way = parser.add_mutually_exclusive_group()
        add_password_argument(way)
        way.add_argument("--invite", action="store_true", help="invite them even if they sign in already")

    def answer(self, **options: Any) -> Answer:
        customer = customer_named(options["customer"])
        email, role = email_address(options["email"]), options["role"]
        _refuse_name_without_password(options["name"], password_given=options["password_stdin"])
        person = None if options["invite"] else person_with_email(email)
        if person is None and not options["password_stdin"]:
            with acting_in(customer):
                invited = invite(email, role, actor=command_actor())
            return _invited(customer, invited)
        with acting_in(customer):
            person = person or _new_person(email, options["name"])
            member = add_member(person, role, actor=command_actor())
        return _added(customer, member)


def _refuse_name_without_password(name: str, *, password_given: bool) -> None:
    """Raises NameMissing or NameNotTaken."""
    if password_given and not name:
        raise NameMissing
    if name and not password_given:
        raise NameNotTaken


def _new_person(email: str, name: str) -> Person:
    return add_recorded_person(email, name, read_password(from_stdin=True), actor=command_actor())


def _added(customer: Customer, member: Member) -> Answer:
    person = member.person
    document = {
        "customer": customer.name,
        "member": member.public_id,
        "person": person.public_id,
        "email": person.email,
        "role": member.role,
    }
    text = (
        f"[bold]{escape(person.name)}[/bold] ({escape(person.email)}) is now {member.role} in {escape(customer.name)}."
    )
    return Answer(document, text)


def _invited(customer: Customer, invited: Invited) -> Answer:
    """How to accept is shown, as mail may not be set up yet; whoever runs commands could read it in the folder too."""
    invitation, folder = invited.invitation, mail.mail_folder()
    document = {
        "customer": customer.name,
        "invitation": invitation.public_id,
        "email": invitation.email,
        "role": invitation.role,
        "token": invited.text,
        "to_accept": mail.invitation_call(invited.text),
        "expires_at": invitation.expires_at,
        "mail_folder": None if folder is None else str(folder),
    }
    sent = "The message was given to the mail server." if folder is None else f"The message is a file in {folder}."
    text = (
        f"Invited {escape(invitation.email)} to {escape(customer.name)} as {invitation.role}, for {DAYS} days.\n"
        f"{escape(sent)}\nTo accept, once: {escape(str(document['to_accept']))}"
    )
    return Answer(document, text)
