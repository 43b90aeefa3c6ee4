"""Simple plots as SVG, made here: lengths as bars with their words and figures. Plain arithmetic, no colour alone."""

from collections.abc import Sequence
from dataclasses import dataclass

ROW, LABEL, WIDTH, FIGURE = 34, 270, 820, 100


@dataclass(frozen=True, slots=True)
class PlotBar:
    """One bar. ``y`` and ``width`` are units of the picture."""

    label: str
    figure: str
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class Plot:
    """Horizontal bars below one another, with an optional mark across them."""

    bars: Sequence[PlotBar]
    height: int
    mark: float | None
    mark_label: str
    label: int = LABEL
    width: int = WIDTH
    row: int = ROW


def bars(
    rows: Sequence[tuple[str, float, str]],
    *,
    most: float | None = None,
    mark: float | None = None,
    mark_label: str = "",
) -> Plot:
    """A plot of ``(label, value, figure)``; the longest bar, or ``most``, fills the width."""
    top = most or max([value for _, value, _ in rows] + ([mark] if mark else []), default=0) or 1
    room = WIDTH - LABEL - FIGURE
    drawn = [
        PlotBar(label, figure, number * ROW, round(max(1.0, room * min(1.0, value / top)), 1))
        for number, (label, value, figure) in enumerate(rows)
    ]
    across = round(LABEL + room * mark / top, 1) if mark is not None and mark <= top else None
    return Plot(drawn, len(rows) * ROW + (22 if across is not None else 4), across, mark_label)
