"""An example of any value, from its schema and the name of its field."""

from collections.abc import Mapping
from typing import Any

from payerwatch.web.description.values import Schema

Components = Mapping[str, Schema]

# By the field's name, where its kind alone would say little.
_NAMED: Mapping[str, Any] = {
    "access": "eyJhbGciOiJIUzI1NiJ9.eyJzZXMiOiIxIn0.c2lnbmF0dXJl",
    "address": "192.0.2.7",
    "agent": "Mozilla/5.0",
    "allowed_addresses": ["192.0.2.0/24"],
    "amount_at_risk": 14250.0,
    "claim_number": "A-1042",
    "code": "123456",
    "cpt": "99213",
    "cpt_group": "evaluation_management",
    "cursor": None,
    "current": "apples under nine bridges",
    "new": "pears above eleven rivers",
    "dropped_columns": ["Patient Name"],
    "email": "ann@example.com",
    "filename": "claims.csv",
    "invited_by": "Ann Example",
    "issued_by": "Ann Example",
    "key": "pw_live_…",
    "name": "Ann Example",
    "next": None,
    "password": "apples under nine bridges",
    "payer": "Aetna",
    "previous": None,
    "reason": "to help with their last upload",
    "refresh": "eyJhbGciOiJIUzI1NiJ9.eyJzZXMiOiIyIn0.c2lnbmF0dXJl",
    "request_id": "5d2f9a41c07be8836a14f0d2",
    "status": None,
    "uri": "otpauth://totp/Payerwatch:ann@example.com?secret=JBSWY3DPEHPK3PXP",
    "secret": "JBSWY3DPEHPK3PXP",
    "token": "cus_4t7wz9k2m5p8rc3x.c2VjcmV0IG9mIHRoZSBsaW5r",
}
_FORMATTED: Mapping[str, Any] = {
    "date": "2026-01-05",
    "date-time": "2026-01-05T13:00:00Z",
    "email": "ann@example.com",
    "uri": "https://payerwatch.example.com/",
    "uri-reference": "/api/v1/",
    "binary": "",
}
_HEX64 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def example(schema: Schema, components: Components, name: str = "") -> Any:
    """A value that the schema allows."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rpartition("/")[2]], components, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("examples"):
        return schema["examples"][0]
    for joined in ("oneOf", "anyOf"):
        if joined in schema:
            return example(schema[joined][0], components, name)
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in example(part, components, name).items()}
    return _of_kind(schema, components, name)


def _of_kind(schema: Schema, components: Components, name: str) -> Any:
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kind = kinds if isinstance(kinds, str) else next((each for each in kinds or () if each != "null"), None)
    named = _NAMED.get(name)
    if named is None and name in _NAMED and "null" in (kinds or ()):
        return None
    if named is not None and isinstance(named, _PYTHON.get(kind or "", ())):
        return named
    if schema.get("default") is not None:
        return schema["default"]
    if kind == "object":
        return _object(schema, components)
    if kind == "array":
        return [example(schema["items"], components, name.removesuffix("s"))]
    return _scalar(schema, kind, name)


def _object(schema: Schema, components: Components) -> dict[str, Any]:
    shown = {name: example(each, components, name) for name, each in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    if not shown and isinstance(more, Mapping) and more:
        return {"claims": example(dict(more), components)}
    return shown


def _scalar(schema: Schema, kind: str | None, name: str) -> Any:
    if kind == "integer":
        return max(1, schema.get("minimum", 1))
    if kind in ("number", "boolean"):
        return {"number": 0.25, "boolean": True}[kind]
    if schema.get("format") in _FORMATTED:
        return _FORMATTED[schema["format"]]
    if "T[0-9]" in schema.get("pattern", ""):
        return _FORMATTED["date-time"]
    if name in ("digest", "file_digest") or schema.get("minLength", 0) == len(_HEX64):
        return _HEX64
    return (name or "text").replace("_", " ")[: schema.get("maxLength", 100)]


_PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "number": (float, int), "integer": (int,), "array": (list,), "object": (dict,),
}  # fmt: skip
