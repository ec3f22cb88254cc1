"""A post in a Slack channel, by an incoming webhook. Its address is a secret, and all that proves who posts.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json
from collections.abc import Sequence

from payerwatch.deliveries.addresses import refuse_unusable
from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.notices import Notice, Parcel
from payerwatch.deliveries.sending import post

TO_PEOPLE = False
SIGNS = False
LONGEST_TEXT = 2_900  # Slack takes 3,000 characters a section
LONGEST_LINE = 550  # of signs, of which each may take five characters to write
MOST_LINES = 20

__all__ = ["SIGNS", "TO_PEOPLE", "compose", "refuse_unusable", "send"]


def compose(notice: Notice) -> str:
    """The title, the sentence and the lines as sections; `text` is what notifications show."""
    lines = [f"*{_plain(notice.title)}*", _plain(notice.sentence)]
    lines += [f"• {_plain(line)}" for line in notice.lines[:MOST_LINES]]
    if len(notice.lines) > MOST_LINES:
        lines.append(f"• And {len(notice.lines) - MOST_LINES} more lines.")
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": text}} for text in _sections(lines)
    ]
    return json.dumps({"text": _plain(notice.title), "blocks": blocks}, ensure_ascii=False)


def _sections(lines: Sequence[str]) -> list[str]:
    """The lines in as few texts as Slack takes."""
    texts = [lines[0]]
    for line in lines[1:]:
        if len(texts[-1]) + 1 + len(line) <= LONGEST_TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def send(parcel: Parcel) -> Answer:
    return post(parcel.url, parcel.body.encode(), {"Content-Type": "application/json"})


def _plain(text: str) -> str:
    """Slack's three control characters as entities: a payer's name makes no link and calls nobody."""
    if len(text) > LONGEST_LINE:
        text = text[: LONGEST_LINE - 1] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
