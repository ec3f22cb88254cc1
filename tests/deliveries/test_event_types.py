"""What is sent is in the form that the description promises, and the page for receivers tells of every type."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from payerwatch.deliveries.channels.webhook import LARGEST_BODY, BodyTooLong, compose
from payerwatch.deliveries.event_types import EVENT_TYPES, body_schema
from payerwatch.deliveries.notices import Notice
from payerwatch.web.description.document import described
from payerwatch.web.description.webhooks import sample_body

pytestmark = pytest.mark.pure

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


def notice(name: str, sentence: str = "Aetna denies more.") -> Notice:
    data = sample_body(name)["data"]
    about = data.pop("id")
    del data["sentence"]
    return Notice(name, about, datetime(2026, 1, 5, 13, tzinfo=UTC), "A title", sentence, data)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_a_message_is_as_its_schema_says(name: str):
    check = Draft202012Validator(body_schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER)
    check.validate(json.loads(compose(notice(name))))
    check.validate(sample_body(name))
    with pytest.raises(ValidationError):
        check.validate({**json.loads(compose(notice(name))), "patient": "anybody"})


def test_the_description_has_every_type_and_the_headers_of_each():
    webhooks = described()["webhooks"]
    assert set(webhooks) == set(EVENT_TYPES)
    for each in webhooks.values():
        names = {header["name"] for header in each["post"]["parameters"]}
        assert names == {"webhook-id", "webhook-timestamp", "webhook-signature"}


def test_the_page_for_receivers_tells_of_every_type_and_its_fields():
    part = re.search(r"<!-- event types -->(.*)<!-- end of event types -->", PAGE.read_text(), re.S)[1]
    rows = dict(re.findall(r"^\| `([\w.]+)` \| .* \| (.*) \|$", part, re.M))
    assert set(rows) == set(EVENT_TYPES)
    for name, fields in rows.items():
        assert re.findall(r"`(\w+)`", fields) == ["id", "sentence", *EVENT_TYPES[name].data]


def test_nothing_longer_than_receivers_take_is_sent():
    assert len(compose(notice("alert.raised", "ü" * 1_000)).encode()) < LARGEST_BODY
    with pytest.raises(BodyTooLong):
        compose(notice("alert.raised", "ü" * LARGEST_BODY))
