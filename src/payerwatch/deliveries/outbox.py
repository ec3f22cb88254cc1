"""Messages as rows, made in the transaction of their cause: what is kept there is sent, and nothing else is."""

from collections.abc import Iterable, Sequence

from payerwatch.deliveries.channels import channels
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.deliveries.notices import Notice

EMAIL = "email"


def present() -> list[Endpoint]:
    """The endpoints that something can be kept for: all but those removed, or disabled by hand."""
    return list(
        Endpoint.objects.filter(removed_at=None).exclude(disabled_because=Endpoint.Because.BY_HAND).order_by("pk")
    )


def subscribes(endpoint: Endpoint, event_type: str) -> bool:
    return not endpoint.event_types or event_type in endpoint.event_types


def subscribers(event_type: str) -> list[Endpoint]:
    """The endpoints that are told of this type. Of what fails they miss nothing: it waits to be recovered."""
    return [each for each in present() if subscribes(each, event_type)]


def for_endpoints(notice: Notice, endpoints: Iterable[Endpoint]) -> list[Message]:
    """One for each, in its channel's words; to be kept."""
    return [
        Message(endpoint=each, type=notice.type, about=notice.about, body=channels()[each.channel].compose(notice))
        for each in endpoints
    ]


def for_members(notice: Notice, members: Sequence[str]) -> list[Message]:
    """One for each of these members, by public id; to be kept."""
    body = channels()[EMAIL].compose(notice) if members else ""
    return [Message(recipient=each, type=notice.type, about=notice.about, body=body) for each in members]


def kept(messages: Iterable[Message]) -> list[Message]:
    return Message.objects.bulk_create(messages)


def lanes_of(messages: Iterable[Message]) -> list[str]:
    """The receivers of these messages, each once: an endpoint's or a member's public id."""
    return sorted({each.lane for each in messages})
