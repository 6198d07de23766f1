"""The table of results: one row per group, with its figures over seeds and its difference to the base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ui import format
from ui.guard import guarded, guarded_or
from ui.tables.runs_model import ItemRole
from ui.theme import SeriesStyle
from workbench.analysis.comparison import Against, Comparison, Result
from workbench.analysis.estimates import Interval, Paired
from workbench.analysis.findings import seeds_words

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class ResultRow:
    """A group as a row; ``is_base`` marks what the others are held against."""

    result: Result
    against: Against
    style: SeriesStyle
    is_base: bool


@dataclass(frozen=True)
class ResultColumn:
    """``width`` in px at scale 100 %; ``words`` is the cell as text; the higher its ``rank``, the sooner a column gives
    way where there is little room."""

    id: str
    title: str
    width: int
    words: Callable[[ResultRow], str]
    help: str
    rank: int = 0
    figures: bool = True


def interval_words(interval: Interval | None) -> str:
    """"−1,402 to −998"."""
    return format.MISSING if interval is None else f"{format.number(interval.low)} to {format.number(interval.high)}"


def seed_states(result: Result) -> list[tuple[str, str]]:
    """(state, words) of the seeds: "3 of 3" finished; beside seeds in other states only how many of each."""
    finished = str(result.count) if result.states else f"{result.count} of {result.total}"
    others = [(state, str(amount)) for state, amount in sorted(result.states.items())]
    return [("finished", finished), *others] if result.count else others


def _difference(paired: Paired | None) -> str:
    if paired is None:
        return format.MISSING
    return ("+" if paired.mean > 0 else "") + format.number(paired.mean)


def _paired_interval(paired: Paired | None) -> str:
    return interval_words(paired.interval if paired is not None else None)


def _improvement(row: ResultRow) -> str:
    share = row.against.improvement
    return format.MISSING if share is None else f"{share:.2f}"


_CI = "95 % interval of the mean: bootstrap over seeds, 2,000 resamples with a fixed seed, stratified by configuration."
_PAIRED = (
    "Mean over seeds of this group's final return less the base's of the same seed; the interval is Student's, for "
    "each comparison by itself."
)
_AREA = (
    "Mean over seeds of this group's area under the evaluation curve less the base's of the same seed; the interval is "
    "Student's."
)
COLUMNS = (
    ResultColumn("variant", "Variant", 150, lambda row: row.result.name, "What differs, and its line.", 0, False),
    ResultColumn("seeds", "Seeds", 92, lambda row: seeds_words(row.result), "Seeds that count.", 0, False),
    ResultColumn(
        *("final", "Final return", 112, lambda row: format.with_spread(row.result.mean, row.result.deviation)),
        "Mean of each run's last evaluations, then mean ± standard deviation over seeds.",
    ),
    ResultColumn(
        *("iqm", "IQM", 64, lambda row: format.number(row.result.middle)),
        "Interquartile mean of the final returns: of the middle half of the seeds.",
        6,
    ),
    ResultColumn("interval", "95 % CI", 118, lambda row: interval_words(row.result.interval), _CI, 5),
    ResultColumn(
        *("area", "Area", 56, lambda row: format.number(row.result.area)),
        "Mean height of the evaluation curve from the first to the last evaluation, mean over seeds.",
        3,
    ),
    ResultColumn("difference", "Difference", 78, lambda row: _difference(row.against.paired), _PAIRED),
    ResultColumn("whisker", "", 120, lambda row: row.against.verdict, _PAIRED, 1, False),
    ResultColumn("paired", "95 % CI, paired", 108, lambda row: _paired_interval(row.against.paired), _PAIRED, 4),
    ResultColumn(
        *("better", "P(better)", 68, _improvement),
        "Probability of improvement: share of all pairs of a seed here and one of the base in which this is larger.",
        2,
    ),
    ResultColumn("area_difference", "Area difference", 96, lambda row: _difference(row.against.area), _AREA, 7),
    ResultColumn("area_paired", "Area 95 % CI, paired", 128, lambda row: _paired_interval(row.against.area), _AREA, 8),
    ResultColumn("verdict", "Verdict", 114, lambda row: row.against.verdict, "Whether the interval leaves zero out.",
                 0, False),
)  # fmt: skip
PLACE = {column.id: place for place, column in enumerate(COLUMNS)}
#: columns that are shown at first
DEFAULT = tuple(
    column.id for column in COLUMNS if column.id not in ("iqm", "interval", "area_difference", "area_paired")
)


class ResultsModel(QAbstractTableModel):
    """The rows of a comparison, the base first."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[ResultRow] = []

    def show(self, comparison: Comparison | None, styles: dict[str, SeriesStyle]) -> None:
        """Other rows; None shows none."""
        rows = []
        if comparison is not None:
            for result in comparison.results:
                key = result.group.key
                base = result is comparison.base
                rows.append(ResultRow(result, comparison.against[key], styles[key], base))
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def whiskers(self) -> Sequence[tuple[float, Interval | None]]:
        """What is drawn on the shared axis: differences with their intervals."""
        return [(row.against.paired.mean, row.against.paired.interval) for row in self.rows if row.against.paired]

    @guarded_or(0)
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return 0 if parent.isValid() else len(self.rows)

    @guarded_or(0)
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return 0 if parent.isValid() else len(COLUMNS)

    @guarded
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.words(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(row, column)
        return row if role == ItemRole else None

    @guarded
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.help
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.figures else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


def _tip(row: ResultRow, column: ResultColumn) -> str:
    """The cell's words, and the seeds behind a figure."""
    result = row.result
    by_seed = {"final": result.finals, "area": result.areas}.get(column.id)
    if not by_seed:
        return column.words(row)
    seeds = ", ".join(f"seed {seed}: {format.number(value)}" for seed, value in by_seed.items())
    return f"{column.words(row)}\n{seeds}"
