"""The description is the code's: nothing is missing, none of its examples is wrong, and it is what is committed."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django_filters.filters import CharFilter
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator, FormatChecker
from rest_framework import serializers

from payerwatch.claims.cpt_groups import GROUP_LABELS
from payerwatch.drift.parameters import FIRST_DAY, LAST_DAY
from payerwatch.members.roles import Permission
from payerwatch.web.api.catalogue import catalogue
from payerwatch.web.api.dates import read_day, read_moment
from payerwatch.web.api.paging import LARGEST_PAGE
from payerwatch.web.description import parameters
from payerwatch.web.description.document import Routes, as_json, described
from payerwatch.web.description.invented import BY_ANSWER, BY_BODY
from payerwatch.web.description.values import JUDGED_DAY_PATTERN, MOMENT_PATTERN
from tests.api.routes import Endpoint, endpoints

pytestmark = pytest.mark.pure

GOLDEN = Path(__file__).parents[2] / "docs" / "openapi.json"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    described.cache_clear()  # other tests may have had it made with rates of their own
    return described()


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            yield f"{method.upper()} {path}", each


def address(endpoint: Endpoint) -> str:
    below = endpoint.route.removeprefix("api/v1").replace("<str:public_id>", "{id}").replace("<str:code>", "{code}")
    return f"{endpoint.method} {below}"


def resolved(value: Document, document: Document) -> Document:
    if "$ref" not in value:
        return value
    _, kind, name = value["$ref"].removeprefix("#/").split("/", 2)
    return document["components"][kind][name]


def test_the_committed_description_is_the_codes(document: Document):
    """`make schema` writes it anew."""
    assert as_json(document) == GOLDEN.read_text()


def test_it_is_made_without_a_warning_and_is_openapi_3_1():
    generator = Routes(urlconf="payerwatch.web.urls")
    with GENERATOR_STATS.silence():
        made = generator.get_schema(public=True)
        assert (dict(GENERATOR_STATS._warn_cache), dict(GENERATOR_STATS._error_cache)) == ({}, {})
    assert made["openapi"].startswith("3.1.")
    validate_schema(made)


def test_each_route_and_method_is_described_and_no_other(document: Document):
    asked = [each for each in endpoints() if each.method != "HEAD" or each.action == "progress"]
    there = {address(each) for each in asked}
    assert {name for name, _ in operations(document)} == there


def test_each_operation_has_words_of_its_own(document: Document):
    """Where two say the same, one has no docstring and took its resource's."""
    said = Counter(each["summary"] for _, each in operations(document))
    assert [summary for summary, times in said.items() if times > 1] == []
    assert len({each["operationId"] for _, each in operations(document)}) == said.total()


def test_each_operation_says_who_may_and_how_often(document: Document):
    for name, each in operations(document):
        assert each["x-permission"] in {"anyone", "signed_in", "people", *Permission}, name
        if each["x-permission"] in set(Permission):
            assert f"Needs the permission `{each['x-permission']}`." in each["description"]
        assert ("x-throttle" in each) == ("Never throttled" not in each["description"])


def test_permissions_are_those_that_the_view_asks_for(document: Document):
    described_as = dict(operations(document))
    for each in endpoints():
        if each.method != "HEAD" and isinstance(each.needs, Permission):
            assert described_as[address(each)]["x-permission"] == each.needs


def bodies(document: Document) -> Iterator[tuple[str, Document, Any]]:
    """Each schema with each of its examples."""
    for name, each in operations(document):
        contents = [("body", each.get("requestBody", {}))]
        contents += [(status, resolved(answer, document)) for status, answer in each["responses"].items()]
        for place, holder in contents:
            for media in holder.get("content", {}).values():
                shown = [resolved(one, document)["value"] for one in media.get("examples", {}).values()]
                for example in [*shown, *([media["example"]] if "example" in media else [])]:
                    yield f"{name} {place}", media["schema"], example
        for parameter in each.get("parameters", ()):
            if "example" in parameter:
                yield f"{name} {parameter['name']}", parameter["schema"], parameter["example"]


def test_each_example_fits_its_schema(document: Document):
    wrong, seen = [], 0
    for place, schema, example in bodies(document):
        seen += 1
        whole = {**schema, "components": document["components"]}
        validator = Draft202012Validator(whole, format_checker=FormatChecker())
        wrong += [f"{place}: {error.json_path} {error.message}" for error in validator.iter_errors(example)]
    assert wrong == []
    assert seen > 300


def test_each_example_of_a_request_is_taken_by_the_form_that_reads_it(document: Document):
    shown, seen = dict(operations(document)), 0
    for each in endpoints():
        body = shown.get(address(each), {}).get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            form = each.view.takes[each.action](data=body["example"])
            assert form.is_valid(), f"{each.name}: {form.errors}"
            assert set(body["example"]) <= set(form.fields), each.name
            seen += 1
    assert seen > 20


def test_the_groups_of_examples_are_the_products(document: Document):
    shown = [example for _, _, example in bodies(document) if isinstance(example, dict)]
    groups = {each["cpt_group"] for each in shown if "cpt_group" in each}
    assert groups
    assert groups <= GROUP_LABELS.keys()


def test_what_is_invented_by_body_or_answer_is_of_a_field_that_it_has(document: Document):
    schemas = document["components"]["schemas"]
    for name, own in BY_BODY.items():
        assert own.keys() <= schemas[name]["properties"].keys(), name
    described_as = {each["operationId"]: each for _, each in operations(document)}
    for name, own in BY_ANSWER.items():
        answer = next(each for status, each in described_as[name]["responses"].items() if status < "300")
        schema = resolved(answer["content"]["application/json"]["schema"], document)
        assert own.keys() <= schema["properties"].keys(), name


def test_each_json_body_has_an_example(document: Document):
    for name, each in operations(document):
        for holder in [each.get("requestBody", {}), *(resolved(it, document) for it in each["responses"].values())]:
            for kind, media in holder.get("content", {}).items():
                if kind.endswith("json") and "type" not in media["schema"]:
                    assert "example" in media or media.get("examples"), name


def test_each_field_says_what_it_means(document: Document):
    silent, seen = [], 0
    for name, schema in document["components"]["schemas"].items():
        for field, each in schema.get("properties", {}).items():
            seen += 1
            silent += [] if {**resolved(each, document), **each}.get("description") else [f"{name}.{field}"]
    assert silent == []
    assert seen > 250


def test_each_parameter_and_header_field_says_what_it_means(document: Document):
    for name, each in operations(document):
        told = [resolved(it, document) for it in each.get("parameters", ())]
        for answer in each["responses"].values():
            told += [resolved(it, document) for it in resolved(answer, document).get("headers", {}).values()]
        assert all(it["description"] and "schema" in it for it in told), name


def test_where_a_thing_is_made_says_where_it_is_and_nothing_else_does(document: Document):
    told = {}
    for name, each in operations(document):
        for answer in each["responses"].values():
            field = resolved(answer, document).get("headers", {}).get("Location")
            if field is not None:
                told[name] = field["example"]
    assert told == {
        "POST /drift-runs/": "/api/v1/drift-runs/run_4t7wz9k2m5p8rc3x/",
        "POST /ingest/claims/": "/api/v1/ingest/claims/upl_4t7wz9k2m5p8rc3x/",
        "POST /reports/": "/api/v1/reports/rep_4t7wz9k2m5p8rc3x/",
        "POST /uploads/": "/api/v1/uploads/upl_4t7wz9k2m5p8rc3x/",
        "POST /uploads/resumable/": "/api/v1/uploads/resumable/upl_4t7wz9k2m5p8rc3x/",
    }


def test_each_filter_says_in_a_sentence_what_it_finds(document: Document):
    silent, seen = [], 0
    for each in endpoints():
        if not each.filters or each.method != "GET":
            continue
        asked = dict(operations(document))[address(each)]["parameters"]
        told = {it["name"]: it["description"] for it in asked}
        for name in each.filters:
            seen += 1
            silent += [] if re.fullmatch(r"[A-Z].{20,}\.", told[name]) else [f"{each.name} {name}: {told[name]}"]
    assert silent == []
    assert seen > 40


def test_a_filter_or_a_parameter_without_a_meaning_is_warned_of():
    class Nameless(serializers.Serializer):
        until = serializers.CharField()

    with GENERATOR_STATS.silence():
        GENERATOR_STATS.reset()
        parameters._filter("search", CharFilter(max_length=200))
        parameters.of_form(Nameless(), {"properties": {"until": {"type": "string"}}})
        assert len(GENERATOR_STATS._warn_cache) == 2
    GENERATOR_STATS.reset()


def test_a_field_has_the_values_that_its_filter_takes(document: Document):
    """Where a listing has a filter of few values, so has the field of that name in what it lists."""
    for name, each in operations(document):
        page = each["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        results = resolved(page, document).get("properties", {}).get("results")
        fields = resolved(results["items"], document)["properties"] if results else {}
        for it in each.get("parameters", ()):
            if it["name"] in fields and "enum" in it["schema"]:
                values = {value for value in fields[it["name"]]["enum"] if value is not None}
                assert values == set(it["schema"]["enum"]), f"{name} {it['name']}"


def test_the_groups_of_codes_are_told_where_one_is_asked_for(document: Document):
    told = [
        it["description"]
        for _, each in operations(document)
        for it in each.get("parameters", ())
        if it["name"] == "cpt_group"
    ]
    assert len(told) == 4
    assert all(f"`{key}`" in words for words in told for key in GROUP_LABELS)


def test_a_request_holds_nothing_that_is_not_named(document: Document):
    forms = {name: each for name, each in document["components"]["schemas"].items() if name.endswith("Request")}
    assert len(forms) > 10
    assert [name for name, each in forms.items() if each.get("additionalProperties") is not False] == []


def test_each_refusal_names_its_codes_and_they_are_in_the_catalogue(document: Document):
    known = {code: each.status for code, each in catalogue().items()}
    for name, each in operations(document):
        refused = {status: answer for status, answer in each["responses"].items() if status >= "400"}
        assert "500" in refused, name
        for status, answer in refused.items():
            schema = resolved(answer, document)["content"]["application/problem+json"]["schema"]
            codes = schema["allOf"][1]["properties"]["code"]["enum"]
            assert {known[code] for code in codes} == {int(status)}


def test_limits_of_pages_are_those_that_are_kept(document: Document):
    listing = document["paths"]["/claims/"]["get"]
    size = next(each for each in listing["parameters"] if each["name"] == "page_size")
    assert size["schema"]["maximum"] == LARGEST_PAGE
    page = resolved(listing["responses"]["200"]["content"]["application/json"]["schema"], document)
    assert page["properties"]["results"]["maxItems"] == LARGEST_PAGE


def test_who_asks_for_some_fields_is_told_that_required_ones_are_left_out(document: Document):
    told = [
        it["description"]
        for _, each in operations(document)
        for it in each.get("parameters", ())
        if it["name"] == "fields"
    ]
    assert len(told) > 10
    assert all("required" in words and "the id is always there" in words for words in told)


def read(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("year", ["0000", "0001", "0004", "0100", "0400", "1900", "2000", "2023", "2024", "9999"])
def test_days_fit_their_pattern_if_they_are_read_as_days(year: str):
    for month, day in product(range(14), range(33)):
        text = f"{year}-{month:02}-{day:02}"
        assert bool(re.match(MOMENT_PATTERN, text)) == read(read_day, text), text


@pytest.mark.parametrize("offset", ["", "Z", "z", "+00:00", "-23:59", "+24:00", "+10:60"])
def test_times_fit_their_pattern_if_they_are_read_as_times(offset: str):
    for hour, minute, rest in product((0, 9, 19, 23, 24), (0, 59, 60), ("", ":00", ":59.123456", ":60", ":0", ":00.")):
        text = f"2024-02-29T{hour:02}:{minute:02}{rest}{offset}"
        assert bool(re.match(MOMENT_PATTERN, text)) == read(read_moment, text), text


def test_the_pattern_of_days_that_can_be_judged_has_their_first_and_last_year():
    years = [year for year in range(10_000) if re.match(JUDGED_DAY_PATTERN, f"{year:04}-01-01")]
    assert years == list(range(FIRST_DAY.year, LAST_DAY.year + 1))
    assert (date(years[0], 1, 1), date(years[-1], 12, 31)) == (FIRST_DAY, LAST_DAY)


def test_who_asks_for_it_first_may_be_several_at_once():
    """In a process of its own, as whatever asked before has loaded what makes it."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False, timeout=600)
    assert (done.stdout.split(), done.returncode) == (["ok"] * 4, 0), done.stderr[-2000:]


AT_ONCE = """
import threading
from payerwatch.web.wsgi import application
from payerwatch.web.description.document import described

together = threading.Barrier(4)

def ask():
    together.wait()
    print("ok" if described()["paths"] else "empty", flush=True)

threads = [threading.Thread(target=ask) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""
