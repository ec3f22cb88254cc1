"""Delivering with a double in the place of the network: what is sent, and what each attempt is answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.channels import channels
from payerwatch.deliveries.delivering import deliver
from payerwatch.deliveries.notices import Parcel
from payerwatch.tenancy.models import Customer
from tests.jobs.caught import catch_steps

ARRIVED = Answer(204)


@dataclass
class Post:
    """All channels' `send`: notes each parcel, and answers by turns what it is told to, the last for good."""

    sent: list[Parcel] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=lambda: [ARRIVED])
    meanwhile: Callable[[], Any] = lambda: None
    """What happens while something is on its way."""

    def send(self, parcel: Parcel) -> Answer:
        self.sent.append(parcel)
        self.meanwhile()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def ids(self) -> list[str]:
        return [each.message_id for each in self.sent]


@contextmanager
def posted() -> Iterator[Post]:
    """Nothing leaves, and no step is run but by hand."""
    post = Post()
    with pytest.MonkeyPatch.context() as patch:
        catch_steps(patch, lambda _work: None)
        for channel in channels().values():
            patch.setattr(channel, "send", post.send)
        yield post


def run(practice: Customer, lane: str) -> None:
    """The step, as the job runner runs it."""
    deliver(practice.pk, lane)
