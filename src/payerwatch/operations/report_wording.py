"""What the command says of a report: its figures as tables of lines."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape

from payerwatch.reports.models import Report

Figures = Mapping[str, Any]
PAYERS_SHOWN = 10
EVENTS_SHOWN = 10
_MEASURES = {"denial_rate": "denials", "days_to_decision": "days to decision"}


def report_text(report: Report, figures: Figures) -> str:
    """The month on a page. Amounts of the figures are dollars."""
    parts = (_head(report, figures), _claims(figures), _payers(figures), _findings(figures), _data(figures))
    return "\n".join(line for part in parts for line in (*part, ""))


def report_warnings(figures: Figures) -> list[str]:
    said = []
    if figures["preliminary"]:
        said.append("The weeks are not over: this is what is known so far, and cannot be issued.")
    if figures["sources"]["stale_days"]:
        said.append(f"Data end {figures['sources']['stale_days']} days before the report does, or before today.")
    if not figures["sources"]["pending_known"]:
        said.append("The export leaves pending claims out, so that no median of days to decision is known.")
    return said


def _head(report: Report, figures: Figures) -> list[str]:
    covers = figures["covers"]
    issued = f"issued {report.issued_at:%Y-%m-%d}" if report.issued_at is not None else "not issued"
    revision = f", revision {report.revision}" if report.revision > 1 else ""
    return [
        f"[bold]{report.month:%B %Y}[/bold]{revision}, {issued} [dim]{report.public_id}[/dim]",
        f"[dim]{covers['weeks']} weeks, {covers['first_day']} to {covers['last_day']}[/dim]",
    ]


def _claims(figures: Figures) -> list[str]:
    volumes, rate, days = figures["volumes"], figures["denial_rate"], figures["days_to_decision"]
    before = volumes["month_before"]
    return [
        "[bold]Claims[/bold]",
        f"  submitted  {volumes['submitted']:>9,}  {_dollars(volumes['billed_amount'])} billed; "
        f"{volumes['still_pending']:,} still pending; {before['submitted']:,} in {before['weeks']} weeks before",
        f"  decided    {volumes['decided']:>9,}  {_dollars(volumes['allowed_amount'])} allowed, "
        f"{_dollars(volumes['paid_amount'])} paid",
        f"  denied     {volumes['denied']:>9,}  {_share(rate)}",
        f"             {'':>9}  {_against('the month before', rate['month_before'])}; "
        f"{_against('the 12 weeks before', rate['weeks_before'])}",
        f"  days       {_days(days['median']):>9}  median to decision; "
        f"{_days(days['month_before']['median'])} the month before",
    ]


def _payers(figures: Figures) -> list[str]:
    named, others = figures["payers"]["named"], figures["payers"]["others"]
    rows = [_payer(each["payer"], each) for each in named[:PAYERS_SHOWN]]
    hidden = len(named) - len(rows) + (others["payers"] if others else 0)
    more = [f"  [dim]and {hidden} more (--csv has them)[/dim]"] if hidden else []
    return ["[bold]Payers[/bold]", *rows, *more]


def _payer(name: str, each: Figures) -> str:
    return (
        f"  {escape(name[:28]):<28} {each['decided']:>7,} decided  {_share(each['denial_rate'])}, "
        f"{_against('the month before', each['change'])}; {_days(each['days_to_decision']['median'])} days"
    )


def _findings(figures: Figures) -> list[str]:
    events, alerts = figures["events"], figures["alerts"]
    verdicts, money = figures["verdicts"], figures["money"]
    told = [f"  {escape(each['sentence'])}" for each in events["alerts"][:EVENTS_SHOWN]]
    more = len(events["alerts"]) - len(told) + events["alerts_left_out"]
    kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in verdicts["by_kind"].items())
    return [
        "[bold]What changed[/bold]",
        *(_kind(each) for each in events["by_kind"]),
        *told,
        *([f"  [dim]and {more} more[/dim]"] if more else []),
        f"  Alerts: {alerts['raised']} raised, {alerts['sent']} sent, {alerts['held']} held. Verdicts: {kinds}.",
        f"  {_dollars(money['at_risk_amount'])} at risk, {_dollars(money['held_up_amount'])} held up, "
        f"{_dollars(money['recovered_amount'])} recovered.",
    ]


def _kind(each: Figures) -> str:
    return (
        f"  {each['tier']:<5} {_MEASURES[each['measure']]}, {each['direction']}: {each['opened']} opened, "
        f"{each['closed']} closed, {each['open_at_end']} open at the end"
    )


def _data(figures: Figures) -> list[str]:
    data = figures["sources"]
    return [
        "[bold]Data[/bold]",
        f"  {data['files']:,} files loaded on these days, {data['rows']:,} rows, {data['set_aside']:,} set aside"
        f"{_reasons(data['set_aside_by_reason'].items())}; the latest day loaded is {data['loaded_until']}",
    ]


def _reasons(reasons: Iterable[tuple[str, int]]) -> str:
    said = ", ".join(f"{code}: {count:,}" for code, count in reasons)
    return f" ({said})" if said else ""


def _share(rate: Figures) -> str:
    if rate["rate"] is None:
        return "no decision"
    return f"{rate['rate']:.1%} of {rate['of']:,} ({rate['low']:.1%} to {rate['high']:.1%})"


def _against(what: str, change: Figures) -> str:
    points = change["difference"]
    return f"nothing to compare in {what}" if points is None else f"{100 * points:+.1f} points on {what}"


def _days(days: float | None) -> str:
    return "-" if days is None else f"{days:.1f}"


def _dollars(amount: float | None) -> str:
    return "nothing known" if amount is None else f"${amount:,.0f}"
