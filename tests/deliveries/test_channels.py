"""The same notice in each channel's words: whole, no longer than it may be, and with nothing that acts."""

import email
import json
from email import policy
from email.message import EmailMessage
from io import BytesIO
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from payerwatch.alerts.models import Alert, Rule
from payerwatch.alerts.telling import MOST_IN_A_DIGEST, _digest, _title, alert_notice
from payerwatch.claims.models import Payer
from payerwatch.deliveries.channels import email as mail
from payerwatch.deliveries.channels import slack, webhook
from payerwatch.deliveries.channels.webhook import LARGEST_BODY
from payerwatch.deliveries.health import _notice
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.notices import Chart, Notice, Parcel
from payerwatch.deliveries.signing import new_secret
from payerwatch.drift.documents import event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy import clock
from tests.alerts.making import MONDAY, NOON, WINDOW

pytestmark = pytest.mark.pure

SLACKS_MOST_CHARACTERS, SLACKS_MOST_BLOCKS = 3_000, 50
CHART = Chart("share denied", "%", "2025-06-02", [0.1, None, 0.4], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.2, 0.2, 0.2])
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
LONGEST = [each * 200 for each in ("W", "\x01", "😀", "<", '"')]


def alert(name: str, group: str = "", **columns: Any) -> Alert:
    """An alert about a payer of this name, in no database."""
    figures: dict[str, Any] = {
        "observed": 30, "expected": 10.0, "effect": 0.2, "claims": 100, "amount_at_risk": 10**13,
        "history": [{"certainty": "likely"}], "window": WINDOW, "certainty": "likely", "tier": "alert",
    }  # fmt: skip
    payer = Payer(customer_id=1, name=name)
    about = DriftEvent(customer_id=1, measure="denial_rate", direction="worse", payer=payer, cpt_group=group, **figures)
    own = {"measure": "denial_rate", "direction": "worse", "cpt_group": group, "episode": 1, "amount_at_risk": 10**13}
    return Alert(
        customer_id=1,
        payer=payer,
        event=about,
        rule=Rule(customer_id=1),
        sentence=event_sentence(about),
        certainty="likely",
        **own | columns,
    )


def every_notice(name: str) -> list[Notice]:
    one = alert(name, group=name[:40])
    back = DriftEvent(customer_id=1, closed_week=MONDAY)
    assert one.event is not None
    one.event.returned_from = back
    endpoint = Endpoint(customer_id=1, name=name[:100])
    return [
        *(alert_notice(one, NOON, each, CHART) for each in ("alert.raised", "alert.escalated", "alert.held")),
        *(_digest([one] * count, NOON, None) for count in (1, 2, MOST_IN_A_DIGEST, 500)),
        _notice(endpoint, Endpoint.Because.FAILING, NOON),
    ]


def parsed(notice: Notice) -> EmailMessage:
    """The mail as it goes out, read as a mail program does."""
    written = mail.written(Parcel("msg_2", mail.compose(notice), address="ada@example.com"))
    return email.message_from_bytes(written.message().as_bytes(), policy=policy.default)  # type: ignore[return-value]


# Long names


@given(NAMES)
def test_no_notice_is_longer_than_a_message_may_be(name: str):
    for notice in every_notice(name):
        assert len(webhook.compose(notice).encode()) <= LARGEST_BODY


@pytest.mark.parametrize("name", LONGEST)
def test_with_the_longest_names_there_are_every_channel_has_a_body(name: str):
    for notice in every_notice(name):
        assert len(webhook.compose(notice).encode()) <= LARGEST_BODY
        assert json.loads(mail.compose(notice))["title"] == notice.title
        assert_slack_takes(slack.compose(notice))


def assert_slack_takes(body: str) -> None:
    blocks = json.loads(body)["blocks"]
    assert 1 <= len(blocks) <= SLACKS_MOST_BLOCKS
    assert all(1 <= len(each["text"]["text"]) <= SLACKS_MOST_CHARACTERS for each in blocks)


# Webhooks


def test_a_webhook_is_signed_with_the_time_of_the_database_s_clock(monkeypatch: pytest.MonkeyPatch):
    """Receivers refuse what is five minutes old, and a worker's own clock may be off."""
    sent: list[dict[str, str]] = []
    monkeypatch.setattr(webhook, "post", lambda _url, _body, headers: sent.append(headers))
    clock.go_by(NOON, asked_at=monotonic())
    webhook.send(Parcel("msg_2222222222222222", "{}", url="https://hooks.example.com/1", secrets=(new_secret(),)))
    assert 0 <= int(sent[0]["webhook-timestamp"]) - int(NOON.timestamp()) < 60


# Slack


@given(NAMES)
def test_no_name_makes_a_link_or_calls_anybody_in_slack(name: str):
    for notice in every_notice(name):
        body = slack.compose(notice)
        assert_slack_takes(body)
        for block in json.loads(body)["blocks"]:
            text = block["text"]["text"]
            assert "<" not in text
            assert ">" not in text
            left = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
            assert "&" not in left


def test_slack_is_told_how_much_is_left_out():
    notice = Notice("alert.digest", "rul_2", NOON, "Many", "Many.", lines=[f"Line {number}" for number in range(51)])
    blocks = json.loads(slack.compose(notice))["blocks"]
    assert blocks[-1]["text"]["text"].endswith("• And 31 more lines.")


# E-mail


def test_a_mail_says_the_same_in_text_and_html_and_shows_its_picture_inline():
    one = alert("Aetna")
    message = parsed(alert_notice(one, NOON, "alert.raised", CHART))
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    assert one.sentence in " ".join(text.get_content().split())
    assert one.sentence in " ".join(page.get_content().split())
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in page.get_content()
    assert picture.get_content_disposition() == "inline"
    height, width, _ = imread(BytesIO(picture.get_content()), "png").shape
    assert (width, height) == (960, 416)
    assert message["Subject"] == "Aetna denies more"
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_mail_has_one_id_however_often_it_is_sent():
    notice = alert_notice(alert("Aetna"), NOON, "alert.raised")
    assert parsed(notice)["Message-ID"] == parsed(notice)["Message-ID"]


@pytest.mark.parametrize("name", ["Blue\nCross", "Blue\r\nBcc: eve@example.com", "Blue\u2028Cross"])
def test_no_name_breaks_out_of_the_subject(name: str):
    message = parsed(alert_notice(alert(name), NOON, "alert.raised"))
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Blue")


def test_no_name_is_markup_in_a_mail():
    page = parsed(alert_notice(alert("<script>Aetna"), NOON, "alert.raised")).get_body(("html",))
    assert page is not None
    assert "<script" not in page.get_content()


def test_a_picture_of_weeks_without_claims_is_drawn():
    empty = [None] * 30
    blank = Chart("share denied", "%", "2025-06-02", empty, empty, empty, empty)
    assert [each.get_content_type() for each in parsed(alert_notice(alert("Aetna"), NOON, "x", blank)).walk()][-1] == (
        "image/png"
    )


def test_a_doubling_is_said_in_the_title():
    assert _title(alert("Aetna", "imaging", escalation=1)).endswith(": it has doubled")
