"""An e-mail to a member: what happened in one sentence, a picture of it, and the same as plain text."""

import json
import smtplib
from dataclasses import asdict
from email.mime.image import MIMEImage
from email.utils import parseaddr
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine

from payerwatch.config.mail_failures import mail_failures
from payerwatch.deliveries.answers import CONNECTION_FAILED, Answer
from payerwatch.deliveries.notices import Chart, Notice, Parcel

TO_PEOPLE = True
SIGNS = False
ACCEPTED = 250  # as SMTP says it
_PICTURE = "chart"
_PLAIN = Engine(dirs=[str(Path(__file__).parent)], autoescape=False)
_PAGES = Engine(dirs=[str(Path(__file__).parent)])


def refuse_unusable(url: str) -> None:
    """People's addresses are looked at where they join."""


def compose(notice: Notice) -> str:
    """What the message is made of: it is drawn and written out as it is sent."""
    chart = asdict(notice.chart) if notice.chart is not None else None
    told = {"title": notice.title, "sentence": notice.sentence, "lines": [*notice.lines], "chart": chart}
    return json.dumps(told, ensure_ascii=False)


def send(parcel: Parcel) -> Answer:
    message = written(parcel)
    started = monotonic()
    try:
        message.send()
    except mail_failures() as error:
        # The server's own words may hold the address: they are not kept.
        status = _status_of(error)
        return Answer(status, "" if status else CONNECTION_FAILED, _since(started))
    return Answer(ACCEPTED, milliseconds=_since(started))


def _status_of(error: Exception) -> int | None:
    """The mail server's, where it answered: of one receiver that it refuses too."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()), (None, b""))[0]
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None


def written(parcel: Parcel) -> EmailMultiAlternatives:
    """The message as it is sent. Its id is the same each time: mail programs show it once."""
    told: dict[str, Any] = json.loads(parcel.body)
    about = Context({"told": told, "home": settings.PUBLIC_URL, "picture": _PICTURE if told["chart"] else ""})
    plain = Context(about.flatten(), autoescape=False)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = EmailMultiAlternatives(
        " ".join(told["title"].split()),  # a header is one line
        _PLAIN.get_template("message.txt").render(plain),
        to=[parcel.address],
        headers={"Message-ID": f"<{parcel.message_id}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(_PAGES.get_template("message.html").render(about), "text/html")
    if told["chart"]:
        from payerwatch.deliveries.channels.email.drawing import drawn  # what draws takes half a second to import

        picture = MIMEImage(drawn(Chart(**told["chart"])), "png")
        picture.add_header("Content-ID", f"<{_PICTURE}>")
        picture.add_header("Content-Disposition", "inline", filename="chart.png")
        message.mixed_subtype = "related"  # type: ignore[attr-defined]
        message.attach(picture)
    return message


def _since(started: float) -> int:
    return round((monotonic() - started) * 1000)
