"""An example of any value, from its schema and the name of its field."""

from collections.abc import Mapping
from typing import Any

from payerwatch.web.description.invented import BY_ANSWER, BY_BODY, BY_NAME
from payerwatch.web.description.values import Schema

Components = Mapping[str, Schema]

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
        return _of_component(schema["$ref"].rpartition("/")[2], components, name)
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


def answered(schema: Schema, components: Components, operation: str) -> Any:
    """An example of what an operation answers."""
    own = BY_ANSWER.get(operation)
    shown = example(schema, components)
    return shown if own is None else {**shown, **own}


def _of_component(component: str, components: Components, name: str) -> Any:
    """Of a body with a name: its own values before those that any field of the name has."""
    own = BY_BODY.get(component)
    shown = example(components[component], components, name)
    return shown if own is None else {**shown, **own}


def _of_kind(schema: Schema, components: Components, name: str) -> Any:
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kind = kinds if isinstance(kinds, str) else next((each for each in kinds or () if each != "null"), None)
    named = BY_NAME.get(name)
    if named is None and name in BY_NAME and "null" in (kinds or ()):
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
    "string": (str,), "number": (float, int), "integer": (int,), "boolean": (bool,), "array": (list,),
    "object": (dict,),
}  # fmt: skip
