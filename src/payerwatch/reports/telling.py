"""A report that is issued, as it is told to the endpoints that subscribe."""

from payerwatch.deliveries import outbox
from payerwatch.deliveries.messages import Told, tell_all
from payerwatch.deliveries.notices import Notice
from payerwatch.reports.documents import in_dollars
from payerwatch.reports.models import Report

ISSUED = "report.issued"


def tell_issued(report: Report) -> None:
    tell_all([Told(issued_notice(report), outbox.subscribers(ISSUED))])


def issued_notice(report: Report) -> Notice:
    """A few figures of it; the rest is read from the API."""
    figures = in_dollars(report.figures)
    volumes, money = figures["volumes"], figures["money"]
    assert report.issued_at is not None
    return Notice(
        type=ISSUED,
        about=report.public_id,
        at=report.issued_at,
        title=f"The report of {report.month:%B %Y} is issued",
        sentence=_sentence(report),
        data={
            "report": report.public_id,
            "month": f"{report.month:%Y-%m}",
            "revision": report.revision,
            "submitted": volumes["submitted"],
            "decided": volumes["decided"],
            "denial_rate": figures["denial_rate"]["rate"],
            "paid_amount": volumes["paid_amount"],
            "at_risk_amount": money["at_risk_amount"],
            "recovered_amount": money["recovered_amount"],
        },
    )


def _sentence(report: Report) -> str:
    counted, rate = report.figures["volumes"], report.figures["denial_rate"]["rate"]
    denied = "" if rate is None else f", {rate:.1%} of them denied"
    which = f" (revision {report.revision})" if report.revision > 1 else ""
    claims = "claim" if counted["submitted"] == 1 else "claims"
    return (
        f"The report of {report.month:%B %Y}{which} is issued: {counted['submitted']:,} {claims} submitted, "
        f"{counted['decided']:,} decided{denied}."
    )
