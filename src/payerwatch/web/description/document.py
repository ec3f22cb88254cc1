"""The whole description, made once in each process and served with the caller's own address in it."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from threading import Lock
from typing import Any

from django.http import HttpRequest
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from rest_framework.schemas.generators import BaseSchemaGenerator

from payerwatch.web.api.health import HealthJSON
from payerwatch.web.description import answers, texts, webhooks
from payerwatch.web.description.examples import answered, example
from payerwatch.web.description.operations import JSON, SECURITY_SCHEMES
from payerwatch.web.description.values import Schema, bounded

METHODS = ("get", "head", "options", "post", "patch", "put", "delete")
_INFO: Schema = {
    "title": "Payerwatch",
    "summary": "Warns a medical billing team when a payer changes how it treats their claims.",
    "description": (
        "JSON over HTTP. Sign in with an API key or a token, ask for claims and for what changed in how payers treat"
        " them. A parameter or a field that is not described here is refused. Errors are problem documents"
        " (RFC 9457). HEAD is answered wherever GET is."
    ),
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "contact": {"name": "Whoever operates this installation"},
}
EXAMPLE_SERVER = "https://payerwatch.example.org"


class Offered(EndpointEnumerator):
    """The methods that a route names: HEAD and OPTIONS too where it has actions of their own for them."""

    def get_allowed_methods(self, callback: Any) -> list[str]:
        offered = dict(callback.actions)
        if offered.get("head") == offered.get("get"):  # which the framework adds with the first request
            offered.pop("head", None)
        return [name.upper() for name in METHODS if name in offered and hasattr(callback.cls, "may")]


class Routes(SchemaGenerator):
    """Every route of the API, whose one parameter is called `id` as everywhere in the documentation."""

    endpoint_inspector_cls = Offered

    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        view = BaseSchemaGenerator.create_view(self, callback, method, request)
        view.action, view.request = callback.actions[method.lower()], HttpRequest()
        view.request.method = method
        return view

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        return str(super().coerce_path(path, method, view)).replace("{public_id}", "{id}")


def whole(result: Schema, generator: Any, request: Any, public: bool) -> Schema:  # noqa: ARG001
    """The hook that has the last word: limits, examples, tags, and what all operations share."""
    schemas = result["components"].setdefault("schemas", {})
    schemas |= {"Problem": answers.PROBLEM, "ProblemPlace": answers.PROBLEM_PLACE}
    for name, schema in schemas.items():
        schemas[name] = bounded(schema, closed=name.endswith("Request"))
    operations = [each for path in result["paths"].values() for name, each in path.items() if name in METHODS]
    for operation in operations:
        _finish(operation, schemas)
    result["components"]["responses"] = _named_refusals(operations)
    everything = [operations, result["components"]["responses"]]
    shared = {"headers": answers.HEADERS, "examples": answers.one_of_each({each for _, each in _refs(everything)})}
    used = set(_refs(everything))
    for kind, each in shared.items():
        result["components"][kind] = {name: value for name, value in each.items() if (kind, name) in used}
    result["components"]["securitySchemes"] = SECURITY_SCHEMES
    views = {type(view): view for _, _, _, view in generator._get_paths_and_endpoints()}
    result["tags"] = [*_tags(result["paths"], views), {"name": webhooks.TAG, "description": webhooks.ABOUT}]
    result["webhooks"] = webhooks.webhooks()
    result["info"] = {**_INFO, "version": version("payerwatch")}
    return {"openapi": result["openapi"], "info": result["info"], **_with_servers(result, EXAMPLE_SERVER)}


def _finish(operation: Schema, schemas: dict[str, Schema]) -> None:
    """An example for each body, and limits where a body has no name of its own."""
    _show(operation.get("requestBody", {}), lambda schema: example(schema, schemas))
    _let_be_left_out(operation.get("requestBody", {}), schemas)
    for status, answer in operation["responses"].items():
        if status < "300":
            _show(answer, lambda schema: answered(schema, schemas, operation["operationId"]))
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = bounded(parameter["schema"], closed=False)


def _let_be_left_out(body: Schema, schemas: dict[str, Schema]) -> None:
    """A body that may be empty may be none."""
    named = body.get("content", {}).get(JSON, {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    if named and not schemas[named].get("required"):
        body["required"] = False


def _show(holder: Schema, made: Callable[[Schema], Any]) -> None:
    for kind, media in holder.get("content", {}).items():
        media["schema"] = bounded(media["schema"], closed=False)
        if kind in (JSON, HealthJSON.media_type) or "properties" in media["schema"]:
            media["example"] = made(media["schema"])


def _named_refusals(operations: list[Schema]) -> dict[str, Schema]:
    """Refusals that operations share, under their status and codes; the operations then name them."""
    named: dict[str, Schema] = {}
    for operation in operations:
        for status, answer in operation["responses"].items():
            codes = answers.codes_in(answer)
            if codes:
                counted = "RateLimit" in answer["headers"]
                name = ".".join([status, *codes, *([] if counted else ["uncounted"])])
                named[name] = answer
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(named.items()))


def _refs(value: Any) -> Iterator[tuple[str, str]]:
    """The components that are named anywhere within: kind and name."""
    if isinstance(value, dict):
        if "$ref" in value:
            kind, _, name = value["$ref"].removeprefix("#/components/").partition("/")
            yield kind, name
        for each in value.values():
            yield from _refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from _refs(each)


def _tags(paths: Schema, views: dict[Any, Any]) -> list[Schema]:
    operations = [each for path in paths.values() for name, each in path.items() if name in METHODS]
    words = {cls.__module__.rpartition(".")[2].replace("_", "-"): texts.about(cls) for cls in views}
    used = sorted({tag for each in operations for tag in each["tags"]})
    return [{"name": tag, "description": words.get(tag, tag)} for tag in used]


def _with_servers(document: Schema, server: str) -> Schema:
    about = {"description": "This installation, in production.", "x-internal": False}
    return {**document, "servers": [{"url": f"{server}/api/v1", **about}]}


_describing = Lock()  # what makes the description loads its parts at first use, which two at once cannot


@cache
def described() -> Schema:
    """The description as it is written to docs/openapi.json, of an installation at an example's address."""
    with _describing:
        document: Schema = Routes(urlconf="payerwatch.web.urls").get_schema(public=True)
    return document


@cache
def _as_served() -> str:
    return json.dumps(described(), separators=(",", ":"), ensure_ascii=False)


def served_at(server: str) -> str:
    """The same as text, with the address at which the caller found it."""
    return _as_served().replace(EXAMPLE_SERVER, server)


def as_json(document: Schema) -> str:
    """As it is written to docs/openapi.json."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
