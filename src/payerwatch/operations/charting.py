"""The chart of a drift event for a terminal."""

from rich.console import Console
from rich.markup import escape

from payerwatch.drift.band_chart import band_chart
from payerwatch.drift.documents import group_label
from payerwatch.drift.explaining import Explanation
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.sentences import label_within_a_sentence

_TITLES = {
    DriftEvent.Measure.DENIAL_RATE: ("denied of the claims decided each week", "share denied"),
    DriftEvent.Measure.DAYS_TO_DECISION: ("decided of the claims waiting each week", "share decided"),
}
_NARROWEST, _WIDEST, _HEIGHT = 24, 100, 10


def event_chart(explanation: Explanation, console: Console) -> str:
    """The event's weeks against the expected band, as rich markup; blank where corrected data has none."""
    weeks, event = explanation.weeks, explanation.event
    if weeks is None:
        return ""
    title, label = _TITLES[DriftEvent.Measure(event.measure)]
    chart = band_chart(
        weeks.weeks,
        weeks.observed,
        weeks.low,
        weeks.high,
        expected=weeks.expected,
        change_week=event.first_week,
        label=label,
        height=_HEIGHT,
        width=max(_NARROWEST, min(console.width, _WIDEST)),
        unicode=console.encoding.lower().startswith("utf"),
    )
    group = label_within_a_sentence(group_label(event.cpt_group) or "all groups")
    return f"{escape(f'{event.payer.name}, {group}: {title}')}\n{escape(chart)}"
