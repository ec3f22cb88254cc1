"""Schemas as rows of a table: a field, its kind in words, and what it means."""

from collections.abc import Iterator
from typing import Any

from payerwatch.web.description.values import Schema

DEEPEST = 3


def resolved(schema: Schema, document: Schema) -> Schema:
    """The schema itself, where it names a component."""
    if "$ref" in schema:
        found: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def fields_of(schema: Schema, document: Schema) -> list[dict[str, Any]]:
    return list(_rows(resolved(schema, document), document, "", DEEPEST))


def kind_of(schema: Schema, document: Schema) -> str:
    """Such as `text, at most 100`, `one of paid, denied`, `list of object`, `day or null`."""
    schema, null = _without_null(resolved(schema, document), document)
    return f"{_kind(schema, document)}{' or null' if null else ''}"


def _kind(schema: Schema, document: Schema) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(str(each) for each in schema["enum"] if each is not None)
    kinds = schema.get("type", "anything")
    kind = kinds if isinstance(kinds, str) else next(each for each in kinds if each != "null")
    if kind == "array":
        return f"list of {kind_of(schema['items'], document)}"
    if kind == "string":
        named = {"date": "day", "date-time": "time", "binary": "file", "uri-reference": "address", "uri": "address"}
        return named.get(schema.get("format", ""), f"text, at most {schema.get('maxLength', 0)}")
    if kind == "integer" and "maximum" in schema and schema["maximum"] < 2**31:
        return f"whole number, {schema['minimum']} to {schema['maximum']}"
    return {"integer": "whole number", "boolean": "true or false"}.get(kind, kind)


def _without_null(schema: Schema, document: Schema) -> tuple[Schema, bool]:
    null = "null" in schema.get("type", ())
    for joined in ("oneOf", "anyOf", "allOf"):
        parts = [each for each in schema.get(joined, ()) if each.get("type") != "null"]
        if parts:
            return resolved(parts[0], document), null or len(parts) < len(schema[joined])
    return schema, null


def _rows(schema: Schema, document: Schema, before: str, deeper: int) -> Iterator[dict[str, Any]]:
    for name, each in schema.get("properties", {}).items():
        inner, _ = _without_null(resolved(each, document), document)
        told = each.get("description") or inner.get("description", "") if "$ref" not in each else ""
        required = name in schema.get("required", ())
        kind = kind_of(each, document)
        yield {"name": f"{before}{name}", "kind": kind, "required": required, "description": told}
        within = resolved(inner["items"], document) if "items" in inner else inner
        if deeper > 1 and "properties" in within:
            yield from _rows(within, document, f"{before}{name}{'[]' if 'items' in inner else ''}.", deeper - 1)
