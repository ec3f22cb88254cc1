"""Every chain there is or should be: those that somebody may have wanted to vanish are told by what names them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from payerwatch.audit.models import Chain, Entry, InstallationEntry
from payerwatch.audit.verifying.checkpoints import chains_with_checkpoints
from payerwatch.audit.verifying.definition import chain_name, customer_of_chain
from payerwatch.audit.verifying.diagnosis import Problem
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer


def all_chains(directory: Path) -> dict[int | None, str]:
    """Each chain and what to call it: the installation's, each customer's, and those of customers that are not there.

    The last are known by entries that were left and by files of checkpoints in the directory.
    """
    names = dict(Customer.objects.order_by("pk").values_list("pk", "name"))
    by_files = map(customer_of_chain, chains_with_checkpoints(directory))
    numbers = {*names, *(each for each in by_files if each is not None)}
    gone = sorted(numbers - set(names) | set(_left_behind(numbers)))
    called: dict[int | None, str] = {None: "the installation"}
    for number in [*names, *gone]:
        called[number] = names.get(number, f"{chain_name(number)} (not among the customers)")
    return called


def _left_behind(known: Iterable[int]) -> Iterator[int]:
    """Customers among whose numbers there is no row, but whose chain or entries there are.

    Row policies show one customer's rows at a time, so each number up to the highest is asked for.
    """
    taken = set(known)
    for number in range(1, max(taken, default=0)):
        if number in taken:
            continue
        with acting_in(number, reading=True):
            if Chain.objects.exists() or Entry.objects.exists():
                yield number


def missing_customers() -> list[Problem]:
    """Customers that the installation's record says were added, and that are not there: none is ever removed."""
    there = set(Customer.objects.values_list("public_id", flat=True))
    added = InstallationEntry.objects.filter(verb="add", thing_kind="customer", outcome="done").order_by("position")
    return [
        Problem("customer", position, f"says that {public_id} was added, which is not there")
        for position, public_id in added.values_list("position", "thing_id")
        if public_id not in there
    ]
