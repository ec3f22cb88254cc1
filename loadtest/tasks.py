"""What the load is made of: ten tasks by their weights, and who asks them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import quote

API = "/api/v1/"
SIGN_IN = "sign in"


@dataclass(frozen=True)
class Caller:
    """A person of a customer, the customer's keys, and what of its claims may be asked for."""

    email: str
    password: str
    keys: tuple[str, ...]
    payers: tuple[str, ...]
    claims: tuple[str, ...]
    """Public ids."""
    numbers: tuple[str, ...]
    """Claim numbers."""


class Task(NamedTuple):
    """One way to ask; `address` chooses what is asked for, below the API's root."""

    name: str
    weight: int
    address: Callable[[Caller, Random], str]


def _always(address: str) -> Callable[[Caller, Random], str]:
    return lambda _caller, _chance: address


TASKS = (
    Task("list claims", 5, _always("claims/")),
    Task("payer summary", 4, _always("claims/payer_summary/")),
    Task("dashboard", 4, _always("dashboard/")),
    Task("claim detail", 3, lambda caller, chance: f"claims/{chance.choice(caller.claims)}/"),
    Task("claims by payer", 3, lambda caller, chance: f"claims/?payer={quote(chance.choice(caller.payers))}"),
    Task("drift events", 3, _always("drift-events/")),
    Task("search", 2, lambda caller, chance: f"claims/?search={quote(chance.choice(caller.numbers))}"),
    Task("drift by severity", 2, _always("drift-events/?certainty=very_likely")),
    Task("uploads", 2, _always("uploads/")),
    Task("reports", 1, _always("reports/")),
)


def shows_something(document: object) -> bool:
    """Whether an answer holds what it was asked for: a load of empty lists would be no load."""
    assert isinstance(document, dict)
    return bool(document.get("results", document))


def keep_callers(path: Path, callers: Sequence[Caller]) -> None:
    """For this user alone: passwords and keys are in it."""
    path.touch(0o600)
    path.write_text(json.dumps([asdict(caller) for caller in callers]))


def kept_callers(path: Path) -> list[Caller]:
    return [
        Caller(**{name: tuple(value) if isinstance(value, list) else value for name, value in each.items()})
        for each in json.loads(path.read_text())
    ]
