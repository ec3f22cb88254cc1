"""The ways in which something is told: a folder each, with `compose` and `send`.

To add one, copy a folder. `TO_PEOPLE` says whether it goes to members; otherwise it is a channel for endpoints, and
its `refuse_unusable` looks at the address on saving.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.notices import Notice, Parcel


class Channel(Protocol):
    TO_PEOPLE: bool
    SIGNS: bool
    """Whether an endpoint has a secret that its messages are signed with."""

    def refuse_unusable(self, url: str) -> object:
        """Raises a Refusal for an address that cannot be one of this channel's."""

    def compose(self, notice: Notice) -> str:
        """The body of the message, kept and never made again."""

    def send(self, parcel: Parcel) -> Answer:
        """One attempt. Raises nothing for what the network or the receiver does."""


@cache
def channels() -> dict[str, Channel]:
    """All there are, by name."""
    found = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return {name: cast(Channel, import_module(f"{__name__}.{name}")) for name in found}


def endpoint_channels() -> list[tuple[str, str]]:
    """Those an endpoint can be of, as choices."""
    return [(name, name) for name, channel in channels().items() if not channel.TO_PEOPLE]
