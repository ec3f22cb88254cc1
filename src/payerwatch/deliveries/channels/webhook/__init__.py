"""Signed JSON to another system, as Standard Webhooks says."""

import json
from datetime import UTC

from payerwatch.config.trace_context import traceparent
from payerwatch.deliveries.addresses import refuse_unusable
from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.notices import Notice, Parcel
from payerwatch.deliveries.sending import post
from payerwatch.deliveries.signing import signed
from payerwatch.tenancy import clock

TO_PEOPLE = False
SIGNS = True
LARGEST_BODY = 20_000
"""Bytes. Standard Webhooks asks for no more."""

__all__ = ["SIGNS", "TO_PEOPLE", "compose", "refuse_unusable", "send"]


class BodyTooLong(Exception):
    """A notice does not fit into a message: its maker must tell less."""


def compose(notice: Notice) -> str:
    """Thin: the type, when it happened, ids and the sentence. Raises BodyTooLong."""
    data = {"id": notice.about, "sentence": notice.sentence, **notice.data}
    document = {"type": notice.type, "timestamp": f"{notice.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "data": data}
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    if len(body.encode()) > LARGEST_BODY:
        raise BodyTooLong(notice.type)
    return body


def send(parcel: Parcel) -> Answer:
    body = parcel.body.encode()
    headers = signed(parcel.message_id, int(clock.now().timestamp()), body, parcel.secrets)
    traced = {"traceparent": traceparent()} if traceparent() else {}
    return post(parcel.url, body, {"Content-Type": "application/json", **headers, **traced})
