"""What receivers are sent, as the description's `webhooks`: one operation for each type of message."""

from typing import Any

from payerwatch.deliveries.event_types import EVENT_TYPES, body_schema
from payerwatch.deliveries.signing import ID, SIGNATURE, TIMESTAMP, TOLERANCE_SECONDS
from payerwatch.web.description.examples import example
from payerwatch.web.description.values import Schema, bounded, sample_id

TAG = "webhooks"
ABOUT = "What Payerwatch sends to the endpoints that you add, signed as Standard Webhooks 1.0 says."
_ANSWERS: Schema = {
    "2XX": {"description": "It has arrived: answer at once, and do what follows from it afterwards."},
    "410": {"description": "There is nobody there any more: the endpoint is disabled at once."},
    "4XX": {"description": "It has not arrived, and is sent again under the same id; 429 slows the endpoint."},
    "5XX": {"description": "It has not arrived, and is sent again under the same id; 502 to 504 slow the endpoint."},
}
_SENTENCES = {
    "ingest.conflict": f"Another body was sent under the name of the batch {sample_id('upl')}. It was refused.",
    "report.issued": "The report of January 2026 is issued: 1,480 claims submitted, 1,400 decided.",
    "alert.digest": "2 drift events were noticed since the last digest.",
    "endpoint.test": "This is a test: messages from Payerwatch arrive here.",
    "endpoint.disabled": f"The endpoint {sample_id('end')} is sent nothing more: nothing has arrived there for 3 days.",
}
_SENTENCE = "Aetna began denying more claims: 31 of 118 decided since Aug 4 were denied where about 14 were expected."


def webhooks() -> Schema:
    """By type: what is sent, and what is made of the answer."""
    return {name: {"post": _operation(name)} for name in EVENT_TYPES}


def _operation(name: str) -> Schema:
    meaning = EVENT_TYPES[name].meaning
    schema = bounded(body_schema(name), closed=True)
    content = {"application/json": {"schema": schema, "example": sample_body(name)}}
    return {
        "operationId": f"told_{name.replace('.', '_')}",
        "summary": meaning.partition(".")[0][:100],
        "description": meaning,
        "tags": [TAG],
        "security": [],
        "parameters": [_header(*each) for each in _HEADERS],
        "requestBody": {"required": True, "content": content},
        "responses": _ANSWERS,
    }


_HEADERS: tuple[tuple[str, str, str], ...] = (
    (ID, "The same in every attempt: by it you know what you have had already.", sample_id("msg")),
    (TIMESTAMP, f"When this attempt was signed, in Unix seconds. Refuse what is more than {TOLERANCE_SECONDS} seconds "
                "from now.", "1767618000"),
    (SIGNATURE, "`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`; several, with spaces between, while a "
                "secret is exchanged.", "v1,q1zY1o1vGmvSxPjN0hWcCOXyuHTTIPD1kQmDVzOWk6w="),
)  # fmt: skip


def _header(name: str, about: str, value: str) -> Schema:
    schema = {"type": "string", "minLength": 1, "maxLength": 1_000, "pattern": "^[ -~]+$"}
    return {"name": name, "in": "header", "required": True, "description": about, "schema": schema, "example": value}


def sample_body(name: str) -> Any:
    """A message of this type about the practice of all examples."""
    body = example(body_schema(name), {})
    kind = {
        "ingest.conflict": "upl",
        "report.issued": "rep",
        "alert.digest": "rul",
        "endpoint.test": "end",
        "endpoint.disabled": "end",
    }.get(name, "alr")
    ids = {field: sample_id(prefix) for field, prefix in _IDS.items() if field in body["data"]}
    more: dict[str, Any] = {"id": sample_id(kind), "sentence": _SENTENCES.get(name, _SENTENCE), **ids}
    if name == "alert.digest":
        more |= {"alerts": [sample_id("alr"), "alr_7k2mq9wx4trc6n8v"], "count": 2}
    if name == "report.issued":
        more |= {"month": "2026-01", "submitted": 1480, "decided": 1400, "denial_rate": 0.12}
    if name in ("alert.raised", "alert.held"):
        more["escalation"] = 0
    return {**body, "data": {**body["data"], **more}}


_IDS = {"alert": "alr", "rule": "rul", "drift_event": "evt", "endpoint": "end", "upload": "upl", "report": "rep"}
