"""The reference for people: the description as pages, without a script and the same for everyone."""

import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from payerwatch.web.api.catalogue import Described, catalogue
from payerwatch.web.description.answers import codes_in
from payerwatch.web.description.document import EXAMPLE_SERVER, METHODS, described
from payerwatch.web.description.tables import fields_of, kind_of, resolved
from payerwatch.web.description.values import Schema
from payerwatch.web.problems import NotFound

_STYLE = Path(__file__).parents[1] / "templates" / "documentation.css"


def reference(server: str) -> str:
    return _reference().replace(EXAMPLE_SERVER, escape(server))


@cache
def _reference() -> str:
    document = described()
    groups = {tag["name"]: {**tag, "words": words(tag["description"]), "operations": []} for tag in document["tags"]}
    for path, method, operation in _operations(document):
        groups[operation["tags"][0]]["operations"].append(_shown(document, path, method, operation))
    return render_to_string("reference.html", {"info": document["info"], "server": EXAMPLE_SERVER, "groups": groups})


@cache
def errors() -> str:
    return render_to_string(
        "errors.html",
        {
            "entries": [
                _told(each) for each in sorted(catalogue().values(), key=lambda entry: (entry.status, entry.code))
            ]
        },
    )


def error(code: str) -> str:
    """The page of a code. Raises NotFound."""
    if code not in catalogue():
        raise NotFound
    return _error(code)


@cache
def _error(code: str) -> str:
    entry = catalogue()[code]
    document = described()
    answered = [
        {"id": operation["operationId"], "method": method.upper(), "path": f"/api/v1{path}"}
        for path, method, operation in _operations(document)
        if code in codes_in(_named(operation["responses"].get(str(entry.status.value), {}), document))
    ]
    return render_to_string("error.html", {"entry": _told(entry), "answered": answered})


@cache
def style() -> str:
    return _STYLE.read_text()


def words(text: str) -> SafeString:
    """Escaped, with what stands in backticks as code."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))


def _operations(document: Schema) -> list[tuple[str, str, Schema]]:
    paths = document["paths"].items()
    return [(path, name, each) for path, methods in paths for name, each in methods.items() if name in METHODS]


def _told(entry: Described) -> dict[str, Any]:
    said = {"meaning": words(entry.meaning), "fix": words(entry.what_to_do)}
    return {**entry._asdict(), **said, "status": entry.status.value, "phrase": entry.status.phrase}


def _shown(document: Schema, path: str, method: str, operation: Schema) -> dict[str, Any]:
    body = next(iter(operation.get("requestBody", {}).get("content", {}).items()), None)
    answers = [(status, _named(each, document)) for status, each in operation["responses"].items()]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": f"/api/v1{path}",
        "summary": words(operation["summary"]),
        "paragraphs": [words(each) for each in operation["description"].split("\n\n")],
        "parameters": [_parameter(each, document) for each in operation.get("parameters", ())],
        "body": _body(body[0], body[1], document) if body else None,
        "done": [_answer(status, each, document) for status, each in answers if status < "400"],
        "refused": [{"status": status, "codes": codes_in(each)} for status, each in answers if status >= "400"],
        "curl": _curl(path, method, operation),
    }


def _parameter(parameter: Schema, document: Schema) -> dict[str, Any]:
    told = {"where": parameter["in"], "required": parameter["required"], "words": words(parameter["description"])}
    return {"name": parameter["name"], "kind": kind_of(parameter["schema"], document), **told}


def _body(kind: str, media: Schema, document: Schema) -> dict[str, Any]:
    fields = [{**each, "words": words(each["description"])} for each in fields_of(media["schema"], document)]
    example = json.dumps(media["example"], indent=2, ensure_ascii=False) if "example" in media else ""
    return {"kind": kind, "fields": fields, "example": example}


def _answer(status: str, answer: Schema, document: Schema) -> dict[str, Any]:
    bodies = [_body(kind, media, document) for kind, media in answer.get("content", {}).items()]
    return {"status": status, "words": words(answer["description"]), "bodies": bodies}


def _named(answer: Schema, document: Schema) -> Schema:
    """The answer itself, where several operations share it."""
    name = answer.get("$ref", "").rpartition("/")[2]
    found: Schema = document["components"]["responses"][name] if name else answer
    return found


def _curl(path: str, method: str, operation: Schema) -> str:
    """A call that can be pasted into a shell, where $KEY is the caller's."""
    for parameter in operation.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "")))
    lines = [f"curl -s {EXAMPLE_SERVER}/api/v1{path}"]
    if method != "get":
        lines[0] = f"curl -s -X {method.upper()} {EXAMPLE_SERVER}/api/v1{path}"
    if {"bearer": []} in operation["security"]:
        lines.append('-H "Authorization: Bearer $KEY"')
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            body = json.dumps(media["example"], ensure_ascii=False).replace("'", "'\\''")
            lines += [f"-H 'Content-Type: {kind}'", f"-d '{body}'"]
        else:
            names = resolved(media["schema"], described()).get("properties", {})
            lines += [f"-F {name}=@claims.csv" for name, each in names.items() if each.get("format") == "binary"]
    return " \\\n  ".join(lines)
