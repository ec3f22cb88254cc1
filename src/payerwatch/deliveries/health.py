"""How an endpoint is doing, from attempt to attempt: well, paused for a while, or disabled.

A breaker: after some failures in a row nothing is sent for a while, which grows as long as they go on; the first
message after it is the trial. What fails for days, or says that it is gone, is disabled, and those who look after
endpoints are told by e-mail.
"""

from datetime import datetime, timedelta

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.deliveries import outbox
from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.deliveries.notices import Notice
from payerwatch.deliveries.retries import DISABLED_AFTER, Meaning, meaning_of, slowed_until
from payerwatch.members.queries import members_who_may
from payerwatch.members.roles import Permission
from payerwatch.tenancy import clock

FAILURES_BEFORE_A_PAUSE = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
JOB = Actor("job", name="delivering")
_WORDS = {
    Endpoint.Because.GONE: "it answered that it is gone (410)",
    Endpoint.Because.FAILING: f"nothing has arrived there for {DISABLED_AFTER.days} days",
}


def note(endpoint_id: int, answer: Answer) -> list[Message]:
    """Bring the endpoint up to an attempt's answer. The messages that tell of it, where it is now disabled."""
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    now = clock.now()
    meaning = meaning_of(answer)
    if meaning is Meaning.DELIVERED:
        if endpoint.failing_since is not None:
            _save(endpoint, since=None, failures=0, until=None)
        return []
    since, failures = endpoint.failing_since or now, endpoint.failures_in_row + 1
    _save(endpoint, since=since, failures=failures, until=_paused_until(failures, answer, now))
    if meaning is Meaning.GONE:
        return _disable(endpoint, Endpoint.Because.GONE, now)
    if now - since >= DISABLED_AFTER:
        return _disable(endpoint, Endpoint.Because.FAILING, now)
    return []


def _paused_until(failures: int, answer: Answer, now: datetime) -> datetime | None:
    pauses = [slowed_until(now, answer)]
    if failures >= FAILURES_BEFORE_A_PAUSE:
        doublings = min(failures - FAILURES_BEFORE_A_PAUSE, 10)
        pauses.append(now + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE))
    return max((each for each in pauses if each is not None), default=None)


def _save(endpoint: Endpoint, *, since: datetime | None, failures: int, until: datetime | None) -> None:
    endpoint.failing_since, endpoint.failures_in_row, endpoint.paused_until = since, failures, until
    endpoint.save(update_fields=["failing_since", "failures_in_row", "paused_until"])


def _disable(endpoint: Endpoint, because: Endpoint.Because, now: datetime) -> list[Message]:
    if endpoint.state == Endpoint.State.DISABLED:
        return []
    endpoint.state, endpoint.disabled_because, endpoint.disabled_at = Endpoint.State.DISABLED, because, now
    endpoint.save(update_fields=["state", "disabled_because", "disabled_at"])
    notice = _notice(endpoint, because, now)
    others = [each for each in outbox.subscribers(notice.type) if each != endpoint]
    told = outbox.for_members(notice, members_who_may(Permission.MANAGE_ENDPOINTS))
    record("disable", Thing("endpoint", endpoint.public_id), actor=JOB, after={"because": because})
    return outbox.kept([*told, *outbox.for_endpoints(notice, others)])


def _notice(endpoint: Endpoint, because: Endpoint.Because, now: datetime) -> Notice:
    named = f"{endpoint.name} ({endpoint.public_id})" if endpoint.name else endpoint.public_id
    return Notice(
        type="endpoint.disabled",
        about=endpoint.public_id,
        at=now,
        title="An endpoint was disabled",
        sentence=f"The endpoint {named} is sent nothing more: {_WORDS[because]}.",
        data={"endpoint": endpoint.public_id, "because": str(because)},
        lines=[
            "Alerts go on to people by e-mail, and to other endpoints.",
            "Once it answers again, enable it, and recover what it has missed.",
        ],
    )
