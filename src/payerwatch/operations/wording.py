"""What commands say: drift events and runs as documents for programs and as sentences for people."""

from datetime import timedelta

from rich.markup import escape

from payerwatch.drift.actions import Detected
from payerwatch.drift.documents import event_facts, event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.sentences import group_phrase

REASON_WORDS = {
    "learning": "still learning what is normal",
    "too_few": "too few claims to judge",
    "no_pending": "days to decision need pending claims, which the export leaves out",
    "data_feed_stalled": "nearly all payers went quiet together, which points at the data feed",
}
QUIET_WEEKS = 4
EASED = "EASED"
_ASK = {"denial_rate": "deny more", "days_to_decision": "decide later"}
_STYLES = {"alert": "bold red", "watch": "yellow"}


def events_text(events: list[DriftEvent], *, groups: int | None = None) -> str:
    """Events as a list, what has eased last, series beneath their payer: all, or briefly the first `groups` of each."""
    if not events:
        return "Nothing to report. (--watch shows weaker signs, --all what is over.)"
    listed = {event.pk for event in events}
    children: dict[int, list[DriftEvent]] = {}
    for event in events:
        if event.parent_id in listed:
            children.setdefault(event.parent_id, []).append(event)
    lines = []
    for event in sorted(events, key=lambda event: _state(event)[0] == EASED):
        if event.parent_id not in listed:
            lines += [_event_line(event), *_group_lines(children.get(event.pk, []), groups)]
    return "\n".join(lines)


def _group_lines(beneath: list[DriftEvent], most: int | None) -> list[str]:
    if most is None:
        return [_group_line(event) for event in beneath]
    lines = [f"      {escape(group_phrase(event_facts(event)))}" for event in beneath[:most]]
    more = len(beneath) - len(lines)
    rest = [f"      [dim]and {more} more group{'s' if more > 1 else ''}[/dim]"] if more else []
    return [*lines, *rest]


def _event_line(event: DriftEvent) -> str:
    state, style = _state(event)
    return (
        f"[{style}]{state:<5}[/{style}] {escape(event_sentence(event))}\n"
        f"      [dim]{event.public_id}, found in the week of {event.first_week}[/dim]"
    )


def _group_line(event: DriftEvent) -> str:
    """A series beneath its payer, whose sentence is not said again."""
    state, style = _state(event)
    return (
        f"      [{style}]{state:<5}[/{style}] {escape(group_phrase(event_facts(event)))} [dim]{event.public_id}[/dim]"
    )


def _state(event: DriftEvent) -> tuple[str, str]:
    """The event's tier, that it is easing (not flagged at the last look) or over, and how it is coloured."""
    if event.status == DriftEvent.Status.CLOSED:
        return "OVER", "dim"
    if event.history[-1]["tier"] is None:
        return EASED, "dim"
    return event.tier.upper(), _STYLES[event.tier]


def run_text(detected: Detected) -> str:
    """A run in a few lines."""
    run = detected.run
    events = f"Events: {run.opened} opened, {run.updated} updated, {run.closed} closed."
    if run.carried_at is None:
        events = "A later week was judged already: this run only reports and changed no event."
    elif detected.repeated:
        events = f"Judged before on the same data; nothing changed now. {events}"
    judged = {
        measure: sum(node["reason"] is None for node in run.nodes if node["measure"] == measure) for measure in _ASK
    }
    lines = [
        f"Week of {run.as_of_week}: {run.series_checked} pairs of payer and CPT group, and their payers, "
        f"asked whether they {' or '.join(_ASK.values())}.",
        f"Judged: {judged['denial_rate']} for denials, {judged['days_to_decision']} for days to decision.",
        events,
    ]
    lines += [f"Not judged: {count} times, {REASON_WORDS[reason]}." for reason, count in run.not_judged.items()]
    return "\n".join(lines)


def run_warnings(detected: Detected) -> list[str]:
    """What one must know to read a run rightly."""
    warnings = []
    if detected.stale:
        warnings.append(f"The data is stale: nothing after {detected.watermark} is loaded.")
    quiet_weeks = (detected.run.week - detected.last_submitted_week).days // 7
    if quiet_weeks >= QUIET_WEEKS:
        last = detected.last_submitted_week + timedelta(days=6)
        warnings.append(
            f"No claims were submitted in the last {quiet_weeks} weeks, only late decisions came in: little can be "
            f"judged. On a new database, judge the last full week instead: --as-of {last}"
        )
    if not detected.run.pending_known:
        warnings.append(
            "This export holds decided claims only. Denials are compared by age of the claim instead "
            "(provisional: a change of speed can look like a change in denials), and days to decision are not "
            "judged. Include pending claims in the export to get both."
        )
    if detected.run.data_feed_stalled:
        warnings.append("Nearly all payers went quiet in the same week: check the data feed first.")
    return warnings
