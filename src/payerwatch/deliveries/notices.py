"""What is told, whatever the channel: a fact in one sentence, with ids for programs and lines for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Chart:
    """Weekly figures as a channel may draw them: shares (0 to 1) or counts, None where a week has none."""

    title: str
    unit: str
    first_week: str
    """The Monday of the first, as YYYY-MM-DD."""
    observed: Sequence[float | None]
    expected: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True)
class Notice:
    """One thing to tell. It holds ids, numbers and our own sentences: nothing of a single claim."""

    type: str
    """One of `event_types.EVENT_TYPES`."""
    about: str
    """The public id of what it tells of."""
    at: datetime
    title: str
    sentence: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """What programs get beside the sentence, in the form that the type declares."""
    lines: Sequence[str] = ()
    """What people get beneath the sentence."""
    chart: Chart | None = None


@dataclass(frozen=True)
class Parcel:
    """A message on its way: what is sent, where to, and what proves who sends it."""

    message_id: str
    body: str
    url: str = ""
    address: str = ""
    """The person's e-mail address, where it goes to one."""
    secrets: Sequence[str] = ()
