"""What operations answer: bodies, header fields, and for each status the codes a refusal may bear."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import groupby
from typing import Any

from payerwatch.web.api.catalogue import Described, catalogue
from payerwatch.web.api.header_fields import HeaderField
from payerwatch.web.api.paging import MOST_COUNTED
from payerwatch.web.description.values import Schema
from payerwatch.web.problems import CONTENT_TYPE, DOCUMENTED_AT

_TEXT = {"type": "string", "maxLength": 1000, "pattern": r"^[^\x00]*$"}
PROBLEM: Schema = {
    "type": "object",
    "description": "Why nothing was done (RFC 9457). `code` stays as it is, for programs; the rest is for people.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "maxLength": 1000, "description": "what kind of problem"},
        "title": {**_TEXT, "description": "the status in words"},
        "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599, "description": "of HTTP"},
        "code": {"type": "string", "pattern": "^[a-z_]+$", "maxLength": 100, "description": "stable, for programs"},
        "detail": {**_TEXT, "description": "what is wrong"},
        "fix": {**_TEXT, "description": "what to do"},
        "request_id": {**_TEXT, "maxLength": 64, "description": "also in the header X-Request-ID"},
        "errors": {
            "type": "array",
            "maxItems": 1000,
            "description": "each thing that is wrong, and where",
            "items": {"$ref": "#/components/schemas/ProblemPlace"},
        },
    },
    "required": ["type", "title", "status", "code", "detail"],
}
PROBLEM_PLACE: Schema = {
    "type": "object",
    "description": "One thing that is wrong, in the body (`pointer`, RFC 6901) or in the address (`parameter`).",
    "properties": {
        "pointer": {**_TEXT, "description": "to a place in the body"},
        "parameter": {**_TEXT, "description": "a parameter of the address"},
        "detail": {**_TEXT, "description": "what is wrong there"},
    },
    "required": ["detail"],
}
SECONDS: Schema = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1}
HEADERS: Mapping[str, Schema] = {
    "RequestId": {
        "description": "The request's id, which the server's log and the trail have too.",
        "required": True,
        "schema": {"type": "string", "minLength": 8, "maxLength": 64, "pattern": r"^[A-Za-z0-9_.-]{8,64}$"},
        "example": "5d2f9a41c07be8836a14f0d2",
    },
    "RateLimit": {
        "description": "What is left: `r` requests, and in `t` seconds one more.",
        "schema": {**_TEXT},
        "example": '"api";r=599;t=60',
    },
    "RateLimitPolicy": {
        "description": "What counts: `q` requests in `w` seconds.",
        "schema": {**_TEXT},
        "example": '"api";q=600;w=60',
    },
    "RetryAfter": {"description": "Seconds after which to try again.", "schema": SECONDS, "example": 5},
    "WwwAuthenticate": {
        "description": "How to say who asks.",
        "required": True,
        "schema": {**_TEXT},
        "example": 'Bearer realm="payerwatch"',
    },
    "ETag": {
        "description": "Which version this is: sent as `If-None-Match`, the same is answered 304 without a body.",
        "required": True,
        "schema": {**_TEXT},
        "example": '"9f86d081884c7d65"',
    },
    "IdempotencyReplayed": {
        "description": "That this is the answer to an earlier request of the same `Idempotency-Key`.",
        "schema": {"type": "string", "enum": ["true"]},
        "example": "true",
    },
}
_FIELD = {
    "RequestId": "X-Request-ID", "RateLimit": "RateLimit", "RateLimitPolicy": "RateLimit-Policy",
    "RetryAfter": "Retry-After", "WwwAuthenticate": "WWW-Authenticate", "ETag": "ETag",
    "IdempotencyReplayed": "Idempotency-Replayed",
}  # fmt: skip
_BY_STATUS = {401: ["WwwAuthenticate"], 429: ["RetryAfter"], 503: ["RetryAfter"]}


def header_fields(status: int, *, counted: bool, more: Iterable[str] = ()) -> Schema:
    names = ["RequestId", *(["RateLimit", "RateLimitPolicy"] if counted else []), *_BY_STATUS.get(status, []), *more]
    return {_FIELD[name]: {"$ref": f"#/components/headers/{name}"} for name in names}


def location(example: str) -> Schema:
    """Of what was begun and can be watched."""
    schema = {"type": "string", "format": "uri-reference", "maxLength": 1000}
    words = "Where to watch what was begun."
    return {"Location": {"description": words, "required": True, "schema": schema, "example": example}}


def own_header_fields(declared: Iterable[HeaderField]) -> Schema:
    return {
        each.name: {
            "description": each.words, "required": each.required, "schema": dict(each.schema), "example": each.example,
        }
        for each in declared
    }  # fmt: skip


def success(status: HTTPStatus, content: Mapping[str, Any], headers: Schema) -> Schema:
    named = {
        HTTPStatus.NO_CONTENT: "Done.",
        HTTPStatus.NOT_MODIFIED: "The caller has this already: one of the tags in `If-None-Match` is the present one.",
    }
    said = named.get(status, f"{status.phrase}.")
    answer: Schema = {"description": said, "headers": headers}
    return {**answer, "content": dict(content)} if content else answer


def refusals(codes: Iterable[str], *, counted: bool) -> dict[str, Schema]:
    """The answers that refuse, by status."""
    known = catalogue()
    entries = sorted((known[code] for code in codes), key=lambda entry: (entry.status, entry.code))
    by_status = groupby(entries, key=lambda entry: entry.status.value)
    return {str(status): _refused(status, list(each), counted=counted) for status, each in by_status}


def _refused(status: int, entries: list[Described], *, counted: bool) -> Schema:
    codes = [entry.code for entry in entries]
    told = "\n".join(f"- `{entry.code}`: {entry.meaning}" for entry in entries)
    schema: Schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {
                "type": "object",
                "properties": {
                    "status": {"type": "integer", "format": "int32", "minimum": status, "maximum": status},
                    "code": {"type": "string", "enum": codes},
                },
            },
        ]
    }
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return {
        "description": f"{HTTPStatus(status).phrase}.\n\n{told}",
        "headers": header_fields(status, counted=counted),
        "content": {CONTENT_TYPE: {"schema": schema, "examples": examples}},
    }


def codes_in(answer: Schema) -> list[str]:
    """The codes of an answer that refuses; none of one that does not."""
    return list(answer.get("content", {}).get(CONTENT_TYPE, {}).get("examples", ()))


def one_of_each(used: Iterable[str]) -> dict[str, Schema]:
    """One problem of each code that the operations name."""
    return {code: {"value": _example_of(entry)} for code, entry in catalogue().items() if code in used}


def _example_of(entry: Described) -> dict[str, Any]:
    return {
        "type": f"{DOCUMENTED_AT}{entry.code}/",
        "title": entry.title,
        "status": entry.status.value,
        "code": entry.code,
        "detail": entry.meaning,
        "fix": entry.what_to_do,
        "request_id": HEADERS["RequestId"]["example"],
    }


def page_of(name: str, *, largest: int) -> Schema:
    """A page of a listing: things of that schema, and where the pages beside are."""
    link = {
        "type": ["string", "null"],
        "format": "uri-reference",
        "maxLength": 4000,
    }
    return {
        "type": "object",
        "description": f"A page of a listing, each thing as {name} tells.",
        "properties": {
            "results": {"type": "array", "maxItems": largest, "items": {"$ref": f"#/components/schemas/{name}"}},
            "next": {**link, "description": "the address of the next page"},
            "previous": {**link, "description": "the address of the page before"},
            "count": {
                "type": "integer", "format": "int32", "minimum": 0, "maximum": MOST_COUNTED,
                "description": "how many there are on all pages, where that was asked for",
            },
            "count_is_capped": {
                "type": "boolean", "description": "whether there are more than could be counted at that price",
            },
        },
        "required": ["results", "next", "previous"],
    }  # fmt: skip
