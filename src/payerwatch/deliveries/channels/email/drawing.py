"""The picture in an e-mail: what was observed each week against the band of what was expected, as PNG.

Mail programs show no SVG.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from payerwatch.deliveries.notices import Chart

WIDTH, HEIGHT, DOTS = 6.0, 2.6, 160  # inches, and dots to an inch: sharp on a telephone
HEADROOM = 1.15  # above what is drawn, for the legend
INK, BAND, OUTSIDE = "#1f2933", "#d5dde5", "#b42318"


def drawn(chart: Chart) -> bytes:
    """The chart as PNG, on white, as mail programs have no theme of their own for pictures."""
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    first = date.fromisoformat(chart.first_week)
    weeks = [float(date2num(first + timedelta(weeks=number))) for number in range(len(chart.observed))]
    low, high, expected, observed = (_gaps(each) for each in (chart.low, chart.high, chart.expected, chart.observed))
    axes.fill_between(weeks, low, high, color=BAND, linewidth=0, label="what nine weeks in ten are like")
    axes.plot(weeks, expected, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="expected")
    axes.plot(weeks, observed, color=INK, linewidth=1.2, marker="o", markersize=3, label="observed")
    beyond = [each for each in zip(weeks, observed, low, high, strict=True) if each[1] < each[2] or each[1] > each[3]]
    axes.plot([x for x, *_ in beyond], [y for _, y, *_ in beyond], "o", color=OUTSIDE, markersize=4.5, label="outside")
    if chart.unit == "%":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_title(chart.title, loc="left", fontsize=9, color=INK, parse_math=False)
    axes.xaxis_date()
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(0, axes.get_ylim()[1] * HEADROOM)
    axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=4)
    target = BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
