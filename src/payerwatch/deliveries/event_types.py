"""What receivers can be told, and in which form: the contract of version 1, by type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

_DAY = {"type": "string", "format": "date"}
_AMOUNT = {"type": ["number", "null"], "description": "US dollars"}


def _id(kind: str, of: str) -> Schema:
    pattern = f"^{kind}_[2-9b-df-hj-np-tv-xz]{{16}}$"
    return {"type": "string", "maxLength": 24, "pattern": pattern, "description": of}


@dataclass(frozen=True)
class EventType:
    """One kind of message: what it means, and what its `data` has beside the sentence."""

    meaning: str
    data: Mapping[str, Schema] = field(default_factory=dict)


_ALERT: Mapping[str, Schema] = {
    "alert": _id("alr", "the alert, at `alerts/{id}/`"),
    "rule": _id("rul", "the rule that tells, at `rules/{id}/`"),
    "drift_event": _id("evt", "what changed, at `drift-events/{id}/`; null where its data were taken back since")
    | {"type": ["string", "null"]},
    "measure": {"enum": ["denial_rate", "days_to_decision"]},
    "direction": {"enum": ["worse", "better"]},
    "certainty": {"enum": ["very_likely", "likely", "watch"]},
    "amount_at_risk": _AMOUNT,
    "escalation": {"type": "integer", "minimum": 0, "description": "how often it has doubled since it was first told"},
}
EVENT_TYPES: Mapping[str, EventType] = {
    "alert.raised": EventType("A rule tells of a drift event for the first time.", _ALERT),
    "alert.escalated": EventType("What a rule has told of has doubled since.", _ALERT),
    "alert.held": EventType(
        "A rule would tell of a drift event, and holds it back: the last alerts about this payer and CPT group were "
        "found to be noise. It can be let go.",
        _ALERT,
    ),
    "alert.digest": EventType(
        "What a rule has gathered for its daily digest.",
        {
            "rule": _id("rul", "the rule that tells, at `rules/{id}/`"),
            "alerts": {
                "type": "array",
                "maxItems": 50,
                "items": {"type": "string"},
                "description": "the first of them, at `alerts/{id}/`",
            },
            "count": {"type": "integer", "minimum": 1, "description": "of all of them"},
        },
    ),
    "ingest.conflict": EventType(
        "A batch of claims was sent under the name of another, and refused. Told once a day for each batch.",
        {
            "upload": _id("upl", "the batch that has the name, at `uploads/{id}/`"),
            "conflicts": {"type": "integer", "minimum": 1, "description": "how often that was"},
        },
    ),
    "report.issued": EventType(
        "The report of a month is issued, and stays as it is. Its figures are at `reports/{id}/`.",
        {
            "report": _id("rep", "the report, at `reports/{id}/`"),
            "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
            "revision": {"type": "integer", "minimum": 1, "description": "more than 1 where it corrects one before"},
            "submitted": {"type": "integer", "minimum": 0, "description": "claims"},
            "decided": {"type": "integer", "minimum": 0, "description": "first decisions"},
            "denial_rate": {"type": ["number", "null"], "description": "0 to 1; null without a decision"},
            "paid_amount": _AMOUNT,
            "at_risk_amount": _AMOUNT,
            "recovered_amount": _AMOUNT,
        },
    ),
    "endpoint.disabled": EventType(
        "An endpoint is sent nothing more. Those who look after endpoints are told by e-mail as well.",
        {
            "endpoint": _id("end", "the endpoint, at `endpoints/{id}/`"),
            "because": {"enum": ["gone", "failing"], "description": "it answered 410, or has failed for days"},
        },
    ),
    "endpoint.test": EventType(
        "Somebody tries whether messages arrive.", {"endpoint": _id("end", "the endpoint, at `endpoints/{id}/`")}
    ),
}


_OF_ALL: Mapping[str, Schema] = {
    "id": {"type": "string", "maxLength": 24, "description": "of what it tells of"},
    "sentence": {"type": "string", "maxLength": 2_000, "description": "the same in plain words, for people"},
}


def body_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the body of a message of this type."""
    data = {**_OF_ALL, **EVENT_TYPES[name].data}
    return {
        "type": "object",
        "description": EVENT_TYPES[name].meaning,
        "required": ["type", "timestamp", "data"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time", "description": "when it happened"},
            "data": {
                "type": "object",
                "required": [*data],
                "additionalProperties": False,
                "properties": data,
            },
        },
    }
