"""Messages as rows, made in the transaction of their cause: what is kept there is sent, and nothing else is."""

from collections.abc import Iterable

from payerwatch.deliveries.channels import channels
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.deliveries.notices import Notice

EMAIL = "email"


def subscribers(event_type: str) -> list[Endpoint]:
    """The endpoints that are told of this type. Of what fails they miss nothing: it waits to be recovered."""
    present = Endpoint.objects.filter(removed_at=None).exclude(disabled_because=Endpoint.Because.BY_HAND)
    return [each for each in present.order_by("pk") if not each.event_types or event_type in each.event_types]


def kept_for_endpoints(notice: Notice, endpoints: Iterable[Endpoint]) -> list[Message]:
    """One for each, in its channel's words."""
    return Message.objects.bulk_create([
        Message(endpoint=each, type=notice.type, about=notice.about, body=channels()[each.channel].compose(notice))
        for each in endpoints
    ])  # fmt: skip


def kept_for_members(notice: Notice, members: Iterable[str]) -> list[Message]:
    """One for each of these members, by public id."""
    body = channels()[EMAIL].compose(notice)
    return Message.objects.bulk_create(
        [Message(recipient=each, type=notice.type, about=notice.about, body=body) for each in members]
    )


def lanes_of(messages: Iterable[Message]) -> list[str]:
    """The receivers of these messages, each once: an endpoint's or a member's public id."""
    return sorted({each.lane for each in messages})
