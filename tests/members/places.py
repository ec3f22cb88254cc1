"""Members, who acts as them, and what the record says, for tests."""

from payerwatch.audit.actors import Actor
from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.members.models import Member, Person
from payerwatch.members.roles import Role
from payerwatch.tenancy.context import acting_customer_id, acting_in
from payerwatch.tenancy.models import Customer
from tests.members.credentials import member as make_member
from tests.members.credentials import person


def place(customer: Customer, role: str = "analyst", *, of: Person | None = None) -> Member:
    """A new member of the customer, in this role."""
    who = make_member(customer, role, of=of)
    return now_is(customer, who)


def now_is(customer: Customer, who: Person) -> Member:
    """The person's place as it is stored now."""
    with acting_in(customer):
        return Member.objects.select_related("person").get(person=who)


def acting(role: str, who: Person | None = None) -> Actor:
    """Someone at work in the role. Unless given, someone new who has it in the customer entered, if one is."""
    if who is None:
        who = person("Someone", is_operator=role == Role.OPERATOR)
        if role != Role.OPERATOR and acting_customer_id() is not None:
            Member.objects.create(person=who, role=role)
    return Actor("person", id=who.public_id, name=who.name, role=role)


def owners(customer: Customer) -> int:
    with acting_in(customer):
        return Member.objects.filter(role=Role.OWNER, state="active").count()


def verbs(customer: Customer) -> list[str]:
    """What the customer's record says was done, oldest first."""
    with acting_in(customer):
        return list(Entry.objects.order_by("position").values_list("verb", flat=True))


def verbs_of_installation(thing_id: str) -> list[str]:
    """What the installation's record says was done to this, oldest first."""
    entries = InstallationEntry.objects.filter(thing_id=thing_id).order_by("position")
    return list(entries.values_list("verb", flat=True))
