"""One operation as OpenAPI has it, from what its resource declares: nothing is said of a route by hand."""

import re
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from drf_spectacular.drainage import warn
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, force_instance
from rest_framework import serializers
from rest_framework.serializers import Serializer

from payerwatch.members.door import READING_METHODS, SESSION_COOKIE, Admits
from payerwatch.web.api.catalogue import codes_of
from payerwatch.web.api.once import takes_key
from payerwatch.web.api.paging import LARGEST_PAGE
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown
from payerwatch.web.description import answers, parameters, texts
from payerwatch.web.description.values import ANY_TEXT, LONGEST_TEXT, SEEN_TEXT, Schema, own_field

JSON = "application/json"
TEXT: Schema = {"type": "string", "pattern": ANY_TEXT}
OPENAPI: Schema = {
    "type": "object",
    "description": "A document as OpenAPI 3.1 has it.",
    "properties": {
        "openapi": {"type": "string", "maxLength": 20, "description": "the version of OpenAPI"},
        "info": {"type": "object", "description": "what the API is called, and its version"},
        "servers": {"type": "array", "items": {"type": "object"}, "description": "where it was found"},
        "paths": {"type": "object", "description": "operations, by address and method"},
        "components": {"type": "object", "description": "what operations share"},
    },
    "required": ["openapi", "info", "servers", "paths", "components"],
    "examples": [
        {
            "openapi": "3.1.1",
            "info": {"title": "Payerwatch", "version": "1.0.0"},
            "servers": [{"url": "/api/v1"}],
            "paths": {},
            "components": {},
        }
    ],
}
"""The only JSON that is answered as a file."""
SECURITY_SCHEMES: dict[str, Schema] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`pw_live_…`) or the access token of a person, signed and good for 15 minutes"
        " (a JWT; see RFC8725 for what is checked).",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The session of a browser, which signing in sets.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": texts.cookie_names()[1],
        "description": "Beside a cookie, whatever changes something sends the token of `GET auth/sign-in/`.",
    },
}


class Operation(AutoSchema):
    """The description of one method of one route. `view.may`, `takes`, `asks`, `gives` and the like say it all."""

    @property
    def resource(self) -> type[Resource]:
        return cast("type[Resource]", type(self.view))

    @property
    def action(self) -> str:
        return str(cast("Any", self.view).action)

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        self.registry, self.path, self.path_regex, self.path_prefix = registry, path, path_regex, path_prefix
        self.method = method.upper()
        view = self.resource
        if self.action not in view.may:
            return None
        operation: Schema = {
            "operationId": self.get_operation_id(),
            "summary": texts.summary(view, self.action),
            "description": texts.description(view, self.action),
            "tags": self.get_tags(),
            "parameters": self._get_parameters(),
            "requestBody": self._get_request_body(),
            "security": self.get_auth(),
            "responses": self._get_response_bodies(),
            "x-permission": texts.permission(view, self.action),
            "x-throttle": texts.throttle(view),
        }
        return {name: value for name, value in operation.items() if value or name == "security"}

    def get_operation_id(self) -> str:
        """The view and its action, as tests and the list of routes name them: `claims_list`."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.resource.__name__).lower()
        return f"{words}_{self.action}"

    def get_tags(self) -> list[str]:
        below = self.path.removeprefix(str(settings.SPECTACULAR_SETTINGS["SCHEMA_PATH_PREFIX"]))
        return [below.strip("/").split("/")[0] or "index"]

    def get_auth(self) -> list[Schema]:
        writes, view = self.method not in READING_METHODS, self.resource
        if view.admits is Admits.ANYONE:
            return [{"csrf": []}] if view.sets_cookies and writes else [{}]
        return [{"bearer": []}, {"cookie": [], "csrf": []} if writes else {"cookie": []}]

    # What is sent

    def _get_parameters(self) -> list[Schema]:
        view = self.resource
        found = [*parameters.in_the_path(self.path, view), *parameters.in_the_query(view, self.action)]
        if self.action in view.asks:
            form = view.asks[self.action]()
            found += parameters.of_form(form, self._map_basic_serializer(form, "request"))
        tags = self._tags_answers()
        return [*found, *parameters.in_the_headers(view, self.action, self.method, tagged=tags)]

    def _tags_answers(self) -> bool:
        """Whether its answer bears a tag, and 304 is answered to whoever has it."""
        return self.method == "GET" and not self._gives().streamed

    def _get_request_body(self, direction: Any = "request") -> Schema | None:  # noqa: ARG002
        view = self.resource
        form, kinds = view.takes.get(self.action), [each.media_type for each in self.view.get_parsers()]
        if form is None and self.action not in view.read_as:
            return None
        if form is None:
            largest = view.largest_body.get(self.action, LONGEST_TEXT)
            bytes_: Schema = {"type": "string", "format": "binary", "maxLength": largest}
            return {"required": True, "content": {kind: {"schema": bytes_} for kind in kinds}}
        schema = self.resolve_serializer(form, "request").ref
        return {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}

    # What is answered

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Schema]:  # noqa: ARG002
        view = self.resource
        gives = self._gives()
        counted = view.throttle is not None
        done = {}
        for status in [gives.status, *([gives.otherwise] if gives.otherwise else [])]:
            own = answers.own_header_fields(view.says.get(self.action, ()))
            headers = answers.header_fields(status, counted=counted, more=self._more_fields(status)) | own
            headers |= self._where_to_watch(status)
            done[str(int(status))] = answers.success(status, self._content(gives), headers)
        if self._tags_answers():
            headers = answers.header_fields(HTTPStatus.NOT_MODIFIED, counted=counted, more=["ETag"])
            done["304"] = answers.success(HTTPStatus.NOT_MODIFIED, {}, headers)
        codes = codes_of(view, self.action, self.method)
        return done | answers.refusals(codes, counted=counted)

    def _more_fields(self, status: HTTPStatus) -> list[str]:
        view, found = self.resource, []
        changed = self.action in view.guarded and status is HTTPStatus.OK
        if self._tags_answers() or changed:
            found.append("ETag")
        if takes_key(view, self.method):
            found.append("IdempotencyReplayed")
        return found

    def _where_to_watch(self, status: HTTPStatus) -> Schema:
        """What is begun and not done when it is answered is a thing with an address of its own, where it is shown."""
        if status is not HTTPStatus.ACCEPTED or not issubclass(self.resource, Shown):
            return {}
        return answers.location(self.path + parameters.sample_of(self.resource) + "/")

    def _gives(self) -> Gives:
        view = self.resource
        usual = Gives(view.serializer_class) if self.action in ("list", "retrieve") else None
        given = view.gives.get(self.action, usual)
        if given is None:
            warn(f"{view.__name__} does not say what {self.action!r} gives")
        return given or Gives()

    def _content(self, gives: Gives) -> Schema:
        if gives.media:
            return {kind: {"schema": OPENAPI if kind == JSON else TEXT} for kind in gives.media}
        if gives.body is None or gives.status is HTTPStatus.NO_CONTENT:
            return {}
        schema = self.resolve_serializer(cast("type[Serializer]", gives.body), "response").ref
        if self.action == "list" and issubclass(self.resource, Listed) and "list" not in self.resource.gives:
            schema = self._page_of(schema)
        return {gives.form: {"schema": schema}}

    def _page_of(self, each: Schema) -> Schema:
        name = each["$ref"].rpartition("/")[2]
        page = ResolvedComponent(
            name=f"{name}Page",
            type=ResolvedComponent.SCHEMA,
            object=f"{name}Page",
            schema=answers.page_of(name, largest=LARGEST_PAGE),
        )
        self.registry.register_on_missing(page)
        return dict(page.ref)

    # Bodies and their fields

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        form = force_instance(serializer)
        mapped = super()._map_basic_serializer(form, direction)
        if direction == "response":
            mapped["required"] = [name for name in mapped.get("properties", {}) if _is_always_there(form, name)]
        return dict(mapped)

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        own = own_field(field)
        if own is not None:
            return own
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if direction == "request" and type(field) is serializers.CharField and not field.allow_blank:
            schema["pattern"] = SEEN_TEXT if field.trim_whitespace else ANY_TEXT
        if isinstance(field, serializers.FileField):
            schema |= {"minLength": 1, "maxLength": settings.FILE_UPLOAD_MAX_MEMORY_SIZE}
        for limit, name in (("max_length", "maxItems"), ("min_length", "minItems")):
            value = getattr(field, limit, None)
            if isinstance(field, serializers.ListField) and value is not None:
                schema[name] = value
        return schema


def _is_always_there(form: Any, name: str) -> bool:
    """Whether each answer has the field: those of models always, others unless declared as not required."""
    field = form.fields[name]
    declared = name in form._declared_fields
    return field.required or field.read_only or not declared or field.default is not serializers.empty
