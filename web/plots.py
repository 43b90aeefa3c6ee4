"""Simple plots: lengths as bars beside their words and figures. Plain arithmetic; the page lays them out."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlotBar:
    """One bar; ``share`` is its length in percent of the longest there can be."""

    label: str
    figure: str
    share: float


@dataclass(frozen=True, slots=True)
class Plot:
    """Horizontal bars below one another, with an optional mark across them, in percent as well."""

    bars: Sequence[PlotBar]
    mark: float | None
    mark_label: str


def bars(
    rows: Sequence[tuple[str, float, str]],
    *,
    most: float | None = None,
    mark: float | None = None,
    mark_label: str = "",
) -> Plot:
    """A plot of ``(label, value, figure)``; the longest bar, or ``most``, fills the width. None is too short to see."""
    top = most or max([value for _, value, _ in rows] + ([mark] if mark else []), default=0) or 1
    drawn = [PlotBar(label, figure, round(max(0.3, 100 * min(1.0, value / top)), 1)) for label, value, figure in rows]
    across = round(100 * mark / top, 1) if mark is not None and mark <= top else None
    return Plot(drawn, across, mark_label)
