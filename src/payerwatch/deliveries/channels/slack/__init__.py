"""A post in a Slack channel, by an incoming webhook. Its address is a secret, and all that proves who posts.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json

from payerwatch.deliveries.addresses import refuse_unusable
from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.notices import Notice, Parcel
from payerwatch.deliveries.sending import post

TO_PEOPLE = False
SIGNS = False
LONGEST_TEXT = 2_900  # Slack takes 3,000 characters a section
MOST_LINES = 20

__all__ = ["SIGNS", "TO_PEOPLE", "compose", "refuse_unusable", "send"]


def compose(notice: Notice) -> str:
    """The title, the sentence and the lines as sections; `text` is what notifications show."""
    shown = [f"*{_plain(notice.title)}*\n{_plain(notice.sentence)}"]
    if notice.lines:
        shown.append("\n".join(f"• {_plain(line)}" for line in notice.lines[:MOST_LINES]))
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_TEXT]}} for text in shown]
    return json.dumps({"text": _plain(notice.title)[:LONGEST_TEXT], "blocks": blocks}, ensure_ascii=False)


def send(parcel: Parcel) -> Answer:
    return post(parcel.url, parcel.body.encode(), {"Content-Type": "application/json"})


def _plain(text: str) -> str:
    """Slack's three control characters as entities: a payer's name makes no link and calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
