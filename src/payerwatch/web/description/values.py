"""Values as JSON Schema: those of fields of our own, and the limits that all have."""

import re
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from payerwatch.claims.formats.header_words import FIELDS
from payerwatch.web.api.dates import JudgedDay, Moment, Month
from payerwatch.web.api.fields import LONGEST_COLUMN, ColumnMapping, Dollars, PublicId
from payerwatch.web.api.filtering import SEEN
from payerwatch.web.api.resource import NUMBERED, PUBLIC_ID
from payerwatch.web.description.meanings import MEANINGS

Schema = dict[str, Any]

ID_PATTERN = f"^({PUBLIC_ID.pattern})$"
LONGEST_ID = 24
ID_TOLD = re.compile(r"\b([a-z]{3})_…")
"""How a field's help says that it holds an id, and of what."""
# No text holds the character that PostgreSQL refuses; one that must not be blank has something to be seen.
ANY_TEXT = r"^[^\x00]*$"
SEEN_TEXT = rf"^[^\x00]*{SEEN.pattern}[^\x00]*$"
# Days that the calendar has, of the years 1 to 9999, and times that the clock shows.
_YEAR = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LONG, _SHORT, _LEAP = "(0[13578]|1[02])", "(0[469]|11)", "(0[48]|[2468][048]|[13579][26])"
_MONTH_AND_DAY = f"({_LONG}-(0[1-9]|[12][0-9]|3[01])|{_SHORT}-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_LEAP_DAY = f"([0-9]{{2}}{_LEAP}|{_LEAP}00)-02-29"
_DAY = f"({_YEAR}-{_MONTH_AND_DAY}|{_LEAP_DAY})"
_HOUR, _MINUTE = "([01][0-9]|2[0-3])", "[0-5][0-9]"
_TIME = rf"T{_HOUR}:{_MINUTE}(:{_MINUTE}(\.[0-9]{{1,6}})?)?(Z|[+-]{_HOUR}:{_MINUTE})?"
SAMPLE_MOMENT = "2026-01-05T13:00:00Z"
MOMENT_PATTERN = f"^{_DAY}({_TIME})?$"
MONTH_PATTERN = "^(199[0-9]|20[0-9]{2}|2100)-(0[1-9]|1[0-2])$"
JUDGED_DAY_PATTERN = "^(199[0-9]|20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}$"
COLUMN_PATTERN = r"^[^\x00-\x1f\x7f-\xa0\xad]*$"
LONGEST_TEXT, LONGEST_MOMENT, MOST_ITEMS = 10_000, 32, 10_000
LARGEST_NUMBER = 2**53 - 1  # that every reader of JSON keeps exactly


def id_schema(of: str = "") -> Schema:
    """A public id; `of` is the field's help, such as `key_…`, or nothing known."""
    told = ID_TOLD.search(of)
    prefix = told[1] if told else ""
    schema: Schema = {"type": "string", "maxLength": LONGEST_ID, "pattern": ID_PATTERN}
    return {**schema, "examples": [sample_id(prefix)]} if prefix else schema


def sample_id(prefix: str) -> str:
    return f"{prefix}_1042" if prefix in NUMBERED else f"{prefix}_4t7wz9k2m5p8rc3x"


def own_field(field: serializers.Field) -> Schema | None:
    """The schema of a field of our own kinds; None for those of the framework."""
    schema: Schema
    told = str(field.help_text or "")
    if isinstance(field, PublicId | serializers.CharField | serializers.SerializerMethodField) and ID_TOLD.search(told):
        schema = id_schema(told)
    elif isinstance(field, ColumnMapping):
        schema = _column_mapping()
    elif isinstance(field, Dollars):
        schema = {"type": "number", "format": "double", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    elif isinstance(field, JudgedDay):
        schema = {"type": "string", "format": "date", "maxLength": 10, "pattern": JUDGED_DAY_PATTERN}
    elif isinstance(field, Month):
        schema = {"type": "string", "minLength": 7, "maxLength": 7, "pattern": MONTH_PATTERN, "examples": ["2025-08"]}
    elif isinstance(field, Moment):
        schema = {
            "type": "string", "maxLength": LONGEST_MOMENT, "pattern": MOMENT_PATTERN, "examples": [SAMPLE_MOMENT],
        }  # fmt: skip
    else:
        return None
    if field.help_text:
        schema["description"] = str(field.help_text)
    if getattr(field, "allow_null", False) or field.default is None:
        schema["type"] = [schema["type"], "null"]
    return schema


def _column_mapping() -> Schema:
    """In a form, an object is a part of JSON."""
    column = {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST_COLUMN, "pattern": COLUMN_PATTERN}
    return {"type": "object", "properties": dict.fromkeys(FIELDS, column), "examples": [{"payer": "Ins Co"}]}


def bounded(schema: Any, *, closed: bool) -> Any:
    """The schema with a limit for everything that has none, and objects that hold nothing unnamed where `closed`."""
    if isinstance(schema, list):
        return [bounded(each, closed=closed) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    limited = {name: _inner(name, value, closed=closed) for name, value in schema.items() if name not in _LEFT_OUT}
    if schema.get("format") == "binary":
        return {"maxLength": LARGEST_NUMBER, **limited}
    kinds = schema.get("type", ())
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        for name, value in _LIMITS.get(kind, {}).items():
            limited.setdefault(name, value)
    if "enum" in schema or "const" in schema:
        return {name: value for name, value in limited.items() if name not in ("pattern", "maxLength", "minLength")}
    if schema.get("format") in _LONGEST and "string" in kinds:
        limited = {name: value for name, value in limited.items() if name != "pattern" or name in schema}
        limited["maxLength"] = min(limited["maxLength"], _LONGEST[schema["format"]])
    if closed and "properties" in schema:
        limited.setdefault("additionalProperties", False)
    return limited


def _inner(name: str, value: Any, *, closed: bool) -> Any:
    if name == "properties":
        return {each: _told(each, bounded(inner, closed=closed)) for each, inner in value.items()}
    return bounded(value, closed=closed) if name in ("items", "additionalProperties", *_TOGETHER) else value


def _told(name: str, schema: Schema) -> Schema:
    """The field with what it means, where its declaration does not say."""
    return {"description": MEANINGS[name], **schema} if name in MEANINGS else schema


_TOGETHER = ("allOf", "oneOf", "anyOf")
_LONGEST = {"date": 10, "date-time": 40, "email": 254, "uri": 4000, "uri-reference": 4000}
_LEFT_OUT = frozenset({"readOnly", "writeOnly", "x-spec-enum-id", "title"})
_LIMITS: Mapping[str, Schema] = {
    "string": {"maxLength": LONGEST_TEXT, "pattern": ANY_TEXT},
    "integer": {"format": "int64", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
    "number": {"format": "double", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
    "array": {"maxItems": MOST_ITEMS},
}
