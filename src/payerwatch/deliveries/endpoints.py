"""Every change of endpoints and their secrets, and sending to one by hand."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.deliveries import messages
from payerwatch.deliveries.channels import channels
from payerwatch.deliveries.delivering import deliver
from payerwatch.deliveries.event_types import EVENT_TYPES
from payerwatch.deliveries.models import Endpoint, Message, SigningSecret
from payerwatch.deliveries.notices import Notice
from payerwatch.deliveries.secrets import SECRET, URL, sealed
from payerwatch.deliveries.signing import new_secret
from payerwatch.jobs.enqueue import enqueue
from payerwatch.members.authority import hold_customer, refuse_unless_may
from payerwatch.members.roles import Permission
from payerwatch.refusals import Kind, Refusal

MOST_ENDPOINTS = 200
MOST_SECRETS = 5
LONGEST_OVERLAP = timedelta(hours=168)


class TooManyEndpoints(Refusal):
    """The customer has as many endpoints as one can have."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(f"There are {MOST_ENDPOINTS} endpoints.", fix="Remove one that is no longer needed.")


class UnknownChannel(Refusal):
    """There is no such channel for endpoints."""

    def __init__(self) -> None:
        super().__init__("There is no such channel.", where="channel", fix=f"There are: {', '.join(_CHANNELS)}.")


class UnknownEventType(Refusal):
    """There is no such type of message."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such type of message.", where="event_types", fix=f"There are: {', '.join(EVENT_TYPES)}."
        )


class UnknownEndpoint(Refusal):
    """No endpoint of this customer has this id, or it was removed."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such endpoint.", where="endpoint", fix="List them, and check the id.")


class EndpointUnsigned(Refusal):
    """Messages of this channel are not signed, so that there is no secret to rotate."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("What goes there is not signed.", fix="Its address is the secret: change that instead.")


class EndpointDisabled(Refusal):
    """Nothing is sent to an endpoint that is disabled."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("The endpoint is disabled.", fix="Enable it first.")


class TooManySecrets(Refusal):
    """Several secrets are in force already; the oldest ends first."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_SECRETS} secrets are in force.", fix="Wait until the oldest ends, or rotate with no overlap."
        )


_CHANNELS = [name for name, channel in channels().items() if not channel.TO_PEOPLE]


class WithSecret(NamedTuple):
    """An endpoint and the text of its newest secret, which nothing shows again; none where nothing is signed."""

    endpoint: Endpoint
    secret: str


def endpoints() -> Any:
    """Those of the customer entered that were not removed."""
    return Endpoint.objects.filter(removed_at=None).order_by("pk")


def endpoint_with_id(public_id: str) -> Endpoint:
    """Raises UnknownEndpoint."""
    endpoint: Endpoint | None = endpoints().filter(public_id=public_id).first()
    if endpoint is None:
        raise UnknownEndpoint
    return endpoint


def add_endpoint(
    url: str, *, channel: str = "webhook", name: str = "", event_types: Collection[str] = (), actor: Actor
) -> WithSecret:
    """Add one, enabled, with a secret where its messages are signed.

    Raises NoLongerYours, UnknownChannel, UnknownEventType, TooManyEndpoints, or what the channel refuses an address
    for.
    """
    _hold_as_manager(actor)
    if channel not in _CHANNELS:
        raise UnknownChannel
    channels()[channel].refuse_unusable(url)
    _refuse_unknown_types(event_types)
    if endpoints().count() >= MOST_ENDPOINTS:
        raise TooManyEndpoints
    endpoint = Endpoint.objects.create(
        channel=channel, sealed_url=sealed(url, URL), name=name, event_types=sorted(event_types)
    )
    secret = _new_secret(endpoint) if channels()[channel].SIGNS else ""
    record("add", _thing(endpoint), actor=actor, after=_described(endpoint))
    return WithSecret(endpoint, secret)


def change_endpoint(
    endpoint: Endpoint,
    *,
    url: str | None = None,
    name: str | None = None,
    event_types: Collection[str] | None = None,
    enabled: bool | None = None,
    actor: Actor,
) -> Endpoint:
    """Change what is given. Who enables one that was disabled sends it what is told from then on.

    Raises NoLongerYours, UnknownEventType, or what the channel refuses an address for.
    """
    _hold_as_manager(actor)
    endpoint = _held(endpoint)
    before = _described(endpoint)
    if url is not None:
        channels()[endpoint.channel].refuse_unusable(url)
        endpoint.sealed_url = sealed(url, URL)
        _forget_failures(endpoint)
    if event_types is not None:
        _refuse_unknown_types(event_types)
        endpoint.event_types = sorted(event_types)
    if name is not None:
        endpoint.name = name
    if enabled is not None:
        _set_enabled(endpoint, enabled)
    endpoint.save()
    if url is not None or enabled:
        enqueue(deliver, endpoint.public_id)  # what was put off for its failures
    after = _described(endpoint) | {"url_changed": url is not None}
    record("change", _thing(endpoint), actor=actor, before=before, after=after)
    return endpoint


def remove_endpoint(endpoint: Endpoint, *, actor: Actor) -> None:
    """Nothing is sent there any more; what was sent stays to be looked up. Raises NoLongerYours."""
    _hold_as_manager(actor)
    endpoint, now = _held(endpoint), timezone.now()
    _set_enabled(endpoint, False)
    endpoint.removed_at, endpoint.sealed_url = now, sealed("", URL)
    endpoint.save()
    endpoint.secrets.all().delete()
    record("remove", _thing(endpoint), actor=actor)


def rotate_secret(endpoint: Endpoint, *, overlap: timedelta, actor: Actor) -> WithSecret:
    """A new secret; messages are signed with those before it as well until the overlap ends.

    Raises NoLongerYours, EndpointUnsigned or TooManySecrets.
    """
    _hold_as_manager(actor)
    if not channels()[endpoint.channel].SIGNS:
        raise EndpointUnsigned
    now = timezone.now()
    endpoint.secrets.filter(expires_at__lte=now).delete()
    if not overlap:
        endpoint.secrets.all().delete()
    if endpoint.secrets.count() >= MOST_SECRETS:
        raise TooManySecrets
    endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=now + overlap)).update(expires_at=now + overlap)
    secret = _new_secret(endpoint)
    record("rotate", _thing(endpoint), actor=actor, after={"overlap_hours": overlap.total_seconds() / 3600})
    return WithSecret(endpoint, secret)


def send_test_event(endpoint: Endpoint, *, actor: Actor) -> Message:
    """Send one message of the type `endpoint.test`. Raises EndpointDisabled."""
    if endpoint.state != Endpoint.State.ENABLED:
        raise EndpointDisabled
    notice = Notice(
        type="endpoint.test",
        about=endpoint.public_id,
        at=timezone.now(),
        title="A test",
        sentence="This is a test: messages from Payerwatch arrive here.",
        data={"endpoint": endpoint.public_id},
    )
    (message,) = messages.tell_all([messages.Told(notice, [endpoint])])
    record("test", _thing(endpoint), actor=actor, after={"message": message.public_id})
    return message


def recover(endpoint: Endpoint, since: datetime, *, actor: Actor) -> int:
    """Send again what was told since then and has not arrived, each under its id; how many. Raises EndpointDisabled."""
    if endpoint.state != Endpoint.State.ENABLED:
        raise EndpointDisabled
    not_arrived = Message.objects.exclude(state=Message.State.DELIVERED)
    missed = not_arrived.filter(endpoint=endpoint, created_at__gte=since)
    found = list(missed.select_related("endpoint").defer("body").order_by("pk"))
    messages.put_on_their_way_again(found)
    record("recover", _thing(endpoint), actor=actor, after={"since": since, "messages": len(found)})
    return len(found)


def resend(message: Message, *, actor: Actor) -> Message:
    """Send one again, whether or not it had arrived, under its id. Raises EndpointDisabled or UnknownEndpoint."""
    if message.endpoint is not None and message.endpoint.removed_at is not None:
        raise UnknownEndpoint
    if message.endpoint is not None and message.endpoint.state != Endpoint.State.ENABLED:
        raise EndpointDisabled
    messages.put_on_their_way_again([message])
    record("resend", Thing("message", message.public_id), actor=actor)
    message.refresh_from_db()
    return message


def _hold_as_manager(actor: Actor) -> None:
    """Raises NoLongerYours: where messages go is a way out for whatever is told."""
    hold_customer()
    refuse_unless_may(actor, Permission.MANAGE_ENDPOINTS)


def _held(endpoint: Endpoint) -> Endpoint:
    """The endpoint as it is now; what is sent meanwhile changes it only afterwards."""
    return Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def _forget_failures(endpoint: Endpoint) -> None:
    """What failed was another address, or the time before it was mended."""
    endpoint.failing_since, endpoint.failures_in_row, endpoint.paused_until = None, 0, None


def _set_enabled(endpoint: Endpoint, enabled: bool) -> None:
    """Disabled by hand is more than disabled for failing: nothing is kept for it."""
    if enabled and endpoint.state == Endpoint.State.ENABLED:
        return
    endpoint.state = Endpoint.State.ENABLED if enabled else Endpoint.State.DISABLED
    endpoint.disabled_because = "" if enabled else Endpoint.Because.BY_HAND
    endpoint.disabled_at = None if enabled else endpoint.disabled_at or timezone.now()
    _forget_failures(endpoint)


def _new_secret(endpoint: Endpoint) -> str:
    secret = new_secret()
    SigningSecret.objects.create(endpoint=endpoint, sealed_secret=sealed(secret, SECRET))
    return secret


def _refuse_unknown_types(event_types: Collection[str]) -> None:
    if not set(event_types) <= set(EVENT_TYPES):
        raise UnknownEventType


def _thing(endpoint: Endpoint) -> Thing:
    return Thing("endpoint", endpoint.public_id)


def _described(endpoint: Endpoint) -> dict[str, Any]:
    """What the trail keeps of one: never its address, which may hold a secret."""
    return {
        "name": endpoint.name,
        "channel": endpoint.channel,
        "event_types": endpoint.event_types,
        "state": str(endpoint.state),
    }
