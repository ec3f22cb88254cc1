"""The parameters of addresses as the resources declare them: ids, filters, pages, and the forms of `asks`."""

import re
from typing import Any

from django_filters import filters
from drf_spectacular.drainage import warn
from rest_framework.serializers import Serializer

from payerwatch.web.api import once, preconditions
from payerwatch.web.api.dates import DayFilter, MomentFilter
from payerwatch.web.api.once import LONGEST_KEY, takes_key
from payerwatch.web.api.paging import LARGEST_PAGE, MOST_COUNTED, PAGE_SIZE
from payerwatch.web.api.resource import Listed, Resource, Shown
from payerwatch.web.api.sparse import LONGEST_LIST, names_of
from payerwatch.web.description.meanings import FILTERS
from payerwatch.web.description.values import (
    ID_TOLD,
    LONGEST_ID,
    LONGEST_MOMENT,
    LONGEST_TEXT,
    MOMENT_PATTERN,
    SEEN_TEXT,
    Schema,
    bounded,
    id_schema,
    sample_id,
)

# Of things that no body shows under `id`.
_PREFIXES = {"session": "ses", "invitation": "inv", "drift_event": "evt", "upload": "upl"}
_NAME = re.compile(r"{(\w+)}")


def in_the_path(path: str, view: type[Resource]) -> list[Schema]:
    return [_path_parameter(name, view) for name in _NAME.findall(path)]


def _path_parameter(name: str, view: type[Resource]) -> Schema:
    if name != "id":
        schema: Schema = {"type": "string", "maxLength": 100, "pattern": "^[a-z_]{1,100}$"}
        return _parameter(name, "path", schema, f"The {view.thing}'s {name}.", example="not_found")
    words = f"The {view.thing.replace('_', ' ')}'s id, as answers have it."
    return _parameter(name, "path", id_schema(), words, example=sample_of(view))


def sample_of(view: type[Resource]) -> str:
    """An id of the view's thing."""
    return sample_id(_prefix(view))


def _prefix(view: type[Resource]) -> str:
    if view.thing in _PREFIXES:
        return _PREFIXES[view.thing]
    shown = [view.serializer_class, *(each.body for each in view.gives.values())]
    for body in shown:
        field = getattr(body, "_declared_fields", {}).get("id")
        told = ID_TOLD.search(str(getattr(field, "help_text", None) or ""))
        if told:
            return told[1]
    warn(f"no body of {view.__name__} tells how ids of its thing begin (help_text='abc_…')")
    return "abc"


def in_the_query(view: type[Resource], action: str) -> list[Schema]:
    if action == "list" and issubclass(view, Listed):
        declared = getattr(getattr(view, "filterset_class", None), "base_filters", {})
        filters_ = [_filter(name, each) for name, each in declared.items()]
        return [*filters_, *_order(view), *_PAGING, _fields(view)]
    return [_fields(view)] if action == "retrieve" and issubclass(view, Shown) else []


def _order(view: Any) -> list[Schema]:
    if not view.orders:
        return []
    offered = list(view.orders)
    schema = {"type": "string", "enum": offered, "default": offered[0]}
    return [_parameter("order", "query", schema, "In what order; with a minus sign the largest or latest first.")]


def _fields(view: Any) -> Schema:
    names = names_of(view.serializer_class)
    one = f"({'|'.join(names)})"
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_LIST, "pattern": f"^{one}(,{one})*$"}
    words = (
        "The fields that are wanted, with commas between. Others are left out of the answer, though its schema names"
        " them as required: of these only the id is always there."
    )
    return _parameter("fields", "query", schema, words, example=f"id,{names[1]}")


def in_the_headers(view: type[Resource], action: str, method: str, *, tagged: bool) -> list[Schema]:
    """What is known already; that a change is to be done once, and of what it was read; and an action's own."""
    found = [
        _parameter(each.name, "header", dict(each.schema), each.words, required=each.required, example=each.example)
        for each in view.hears.get(action, ())
    ]
    if tagged:
        schema = {"type": "string", "maxLength": 1000, "pattern": r"^[\x20-\x7e]*$"}
        words = "ETags of answers that are there already: the same is answered 304 without a body."
        found.append(_parameter("If-None-Match", "header", schema, words, example='"9f86d081884c7d65"'))
    if takes_key(view, method):
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[\x20-\x7e]+$"}
        words = "A name of the request's own: sent again under it, it is not done again but given the first answer."
        found.append(_parameter(once.HEADER, "header", schema, words))
    if action in view.guarded:
        schema = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[\x20-\x7e]+$"}
        words = "The ETag of what was read, or `*` for whatever is there: of another state nothing is changed."
        found.append(_parameter(preconditions.HEADER, "header", schema, words, required=True, example="*"))
    return found


def of_form(form: Serializer, mapped: Schema) -> list[Schema]:
    """The fields of a form that is asked by the address; `mapped` is its schema."""
    found = []
    for name, schema in mapped["properties"].items():
        plain = {key: value for key, value in schema.items() if key not in ("description", "default")}
        if isinstance(plain.get("type"), list):
            plain["type"] = plain["type"][0]
        words = schema.get("description", "")
        if not words:
            warn(f"the parameter {name!r} does not say what it means (help_text='…')")
        default = schema.get("default")
        kept = plain if default is None else {**plain, "default": default}
        found.append(_parameter(name, "query", bounded(kept, closed=True), words, required=form.fields[name].required))
    return found


def _filter(name: str, declared: Any) -> Schema:
    words = declared.extra.get("help_text") or FILTERS.get(name, "")
    if not words:
        warn(f"the filter {name!r} does not say what it finds (help_text='…')")
    return _parameter(name, "query", _filter_schema(name, declared), str(words))


def _filter_schema(name: str, declared: Any) -> Schema:
    if isinstance(declared, filters.ChoiceFilter):
        return {"type": "string", "enum": [value for value, _ in declared.extra["choices"]]}
    if isinstance(declared, DayFilter):
        return {"type": "string", "format": "date", "maxLength": 10}
    if isinstance(declared, MomentFilter):
        return {"type": "string", "maxLength": LONGEST_MOMENT, "pattern": MOMENT_PATTERN}
    if isinstance(declared, filters.CharFilter):
        longest = declared.extra.get("max_length", LONGEST_TEXT)
        return id_schema() if longest == LONGEST_ID else {
            "type": "string", "minLength": 1, "maxLength": longest, "pattern": SEEN_TEXT,
        }  # fmt: skip
    warn(f"the filter {name!r} is of a kind that the description does not know: {type(declared).__name__}")
    return {"type": "string"}


def _parameter(
    name: str, place: str, schema: Schema, words: str, *, required: bool = False, example: Any = None
) -> Schema:
    found: Schema = {"name": name, "in": place, "required": required or place == "path", "description": words}
    found["schema"] = schema
    if example is not None:
        found["example"] = example
    return found


_PAGING = [
    _parameter(
        "cursor",
        "query",
        {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[A-Za-z0-9_:-]+$"},
        "Where to go on: taken from `next` or `previous` of an answer of this listing, and from nowhere else.",
    ),
    _parameter(
        "page_size",
        "query",
        {"type": "integer", "format": "int32", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
        "How many are on a page.",
    ),
    _parameter(
        "count",
        "query",
        {"type": "string", "enum": ["true", "false"], "default": "false"},
        f"Whether to say how many there are on all pages, up to {MOST_COUNTED}.",
    ),
]
