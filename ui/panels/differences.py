"""Differences: what was set differently, what came out, and what that says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui import format
from ui.comparison import Compared, ComparedRuns
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label, hairline
from ui.controls.segmented import Segmented
from ui.panels.base import Panel, run_alone
from ui.report_files import ReportFiles
from ui.tables.difference_table import DifferenceLine, DifferencesModel, DifferencesView
from workbench import metrics
from workbench.analysis.comparison import Result, last_values, training_time
from workbench.analysis.configuration import (
    IGNORED,
    DifferenceRow,
    configuration,
    difference_table,
    label,
    reference_configuration,
    value_words,
)
from workbench.analysis.findings import Finding, findings

_AGAINST = (
    ("base", "Base", "Every group against the base"),
    ("preset", "Preset", "Every group against the preset that the base was made from"),
    ("default", "Defaults", "Every group against the defaults of the base's agent"),
)
_PREFERENCE = "differences"
#: metrics whose last value says what became of a model, beside the return
_MEASURED = ("alm/kl", "q_bias/mean", "q_bias/std", "loss/critic")
_ICONS = {"found": ("bolt", "accent"), "missing": ("warn", "warn"), "published": ("help", "text3")}


class DifferencesPanel(Panel):
    """The base first, then the group that is looked at, then the others."""

    name: ClassVar[str] = "differences"
    title: ClassVar[str] = "Differences"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.compared = ComparedRuns.of(context)
        self.model = DifferencesModel()
        self.view = DifferencesView(self.theme, self.model)
        self.files = ReportFiles(context, self.compared)
        self.empty = EmptyState(self.theme)
        stored = context.preferences.get(_PREFERENCE, {})
        chosen: dict[str, Any] = stored if isinstance(stored, dict) else {}
        against = chosen.get("against")
        self.against = against if against in ("preset", "default") else "base"
        self.ignored: tuple[str, ...] = tuple(chosen.get("ignored", IGNORED))
        self._all = False  # equal and ignored settings are shown too
        self._findings: tuple[Finding, ...] = ()
        self._build()
        self._connect()

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.choice = Segmented(theme, "Held against", _AGAINST)
        self.choice.set_value(self.against)
        self.hidden = Label(theme, size=11, token="text3")
        self.packages = Label(theme, size=11, token="text3", wrap=True)
        self.show_all, self.edit = _link("Show"), _link("Edit")
        self.ignoring = Label(theme, size=11, token="text3", wrap=True)
        self.field = QLineEdit()
        self.field.setAccessibleName("Settings to ignore, separated by commas")
        self.field.setToolTip('Dotted names separated by commas; one that ends in a dot ("engine.") means all below it')
        self.field.hide()
        self._sentences = QGridLayout()
        self._sentences.setContentsMargins(12, 4, 12, 8)
        self._sentences.setHorizontalSpacing(8)
        self._sentences.setVerticalSpacing(8)
        self._sentences.setColumnStretch(1, 1)
        self.copy = QToolButton()
        self.copy.setToolTip("Copy what it says")
        self.copy.setAccessibleName("Copy what it says")
        self.pdf, self.csv = QPushButton("Report as PDF"), QPushButton("CSV")
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(_row(self.choice, margins=(12, 8, 12, 4), stretch=True))
        column.addWidget(self.view, 3)
        column.addLayout(_row(self.hidden, self.show_all, margins=(12, 4, 8, 0), push=True))
        column.addLayout(_row(self.ignoring, self.edit, margins=(12, 0, 8, 0), push=True))
        column.addLayout(_row(self.field, margins=(12, 2, 12, 2)))
        column.addLayout(_row(self.packages, margins=(12, 0, 12, 6)))
        column.addWidget(hairline())
        column.addLayout(_row(Label(theme, "What it says", 13, 600), self.copy, margins=(12, 6, 8, 0), push=True))
        column.addWidget(self._scrolling(), 2)
        column.addLayout(_row(self.pdf, self.csv, margins=(12, 6, 12, 10), stretch=True))
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(shown)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _scrolling(self) -> QScrollArea:
        inside = QWidget()
        inside.setLayout(self._sentences)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(self.theme.px(72))
        return area

    def _connect(self) -> None:
        self.compared.changed.connect(self._show)
        self.compared.focused.connect(self._show)
        self.choice.chosen.connect(self.hold_against)
        self.show_all.clicked.connect(self._switch_all)
        self.edit.clicked.connect(self._edit)
        self.field.editingFinished.connect(self._take_ignored)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.said))
        self.pdf.clicked.connect(lambda: self.files.ask("pdf"))
        self.csv.clicked.connect(lambda: self.files.ask("csv"))
        self.theme.changed.connect(self._repaint)
        self._repaint()

    # ---- in sight or not --------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Follow what is compared."""
        self.compared.watch()
        self._show()

    def deactivate(self) -> None:
        """Rest."""
        self.compared.unwatch()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        compared = self.compared.compared
        if not self.active or compared is None:
            return
        if compared.comparison is None:
            self.subtitle_changed.emit("")
            words = "Choose runs in Results. What was set differently stands here, and what came of it."
            self.empty.say("compare", "Nothing to compare", compared.problem or words)
            self._stack.setCurrentIndex(0)
            return
        self._stack.setCurrentIndex(1)
        self._show_table(compared)
        self._show_findings(findings(compared.comparison))
        self.subtitle_changed.emit("only differences" if not self._all else "all settings")

    def _results(self, compared: Compared) -> list[Result]:
        assert compared.comparison is not None
        others = sorted(compared.comparison.others, key=lambda each: each.group.key != self.compared.focus)
        return [compared.comparison.base, *others]

    def _show_table(self, compared: Compared) -> None:
        results = self._results(compared)
        columns = [configuration(result.group.first) for result in results]
        names = [result.name for result in results]
        if self.against != "base":
            first = results[0].group.first
            held = reference_configuration(first, "preset" if self.against == "preset" else "default")
            columns.insert(0, held)
            names.insert(0, (first.preset or "Defaults") if self.against == "preset" else "Defaults")
        table = difference_table(columns, self.ignored)
        lines = _setting_lines("Settings", table.rows)
        if self._all:
            lines += _setting_lines("Equal", table.equal) + _setting_lines("Ignored", table.ignored)
        blank = ("",) if self.against != "base" else ()
        lines += [_padded(line, blank) for line in _measured(results, compared)]
        self.model.show(["", *names], lines)
        count = len(table.equal)
        self.hidden.setText(f"{format.plural(count, 'equal setting')} {'shown' if self._all else 'hidden'}")
        self.show_all.setText("Hide" if self._all else "Show")
        ignored = (label(path.rstrip(".")).lower() for path in self.ignored)
        self.ignoring.setText(", ".join(("Ignored: seed, name, tags", *ignored)))
        self.packages.setText(_packages(results))

    def _show_findings(self, found: tuple[Finding, ...]) -> None:
        if found == self._findings and self._sentences.count():
            return
        self._findings = found
        while (item := self._sentences.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, finding in enumerate(found):
            icon, token = _ICONS[finding.kind]
            mark = QLabel()
            mark.setPixmap(self.theme.icon(icon, token).pixmap(14, 14))
            mark.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            quiet = finding.kind == "published"
            words = Label(self.theme, finding.text, 11 if quiet else 12, token="text3" if quiet else "text", wrap=True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._sentences.addWidget(mark, place, 0, Qt.AlignmentFlag.AlignTop)
            self._sentences.addWidget(words, place, 1)
        if not found:
            waiting = "Nothing yet: too few seeds that both sides share have finished."
            self._sentences.addWidget(Label(self.theme, waiting, token="text3", wrap=True), 0, 1)
        self._sentences.setRowStretch(max(len(found), 1), 1)

    @property
    def said(self) -> str:
        """What it says, one sentence per line."""
        return "\n".join(finding.text for finding in self._findings)

    # ---- what the user does -----------------------------------------------------------------------------------------

    def hold_against(self, what: str) -> None:
        """Hold every group against the "base", its "preset" or the "default" settings."""
        self.against = what
        self.choice.set_value(what)
        self._remember()

    def ignore(self, paths: Iterable[str]) -> None:
        """Settings that are left out of the differences."""
        self.ignored = tuple(dict.fromkeys(path.strip() for path in paths if path.strip()))
        self._remember()

    def _remember(self) -> None:
        self.context.preferences.set(_PREFERENCE, {"against": self.against, "ignored": list(self.ignored)})
        self._show()

    def _switch_all(self) -> None:
        self._all = not self._all
        self._show()

    def _edit(self) -> None:
        self.field.setText(", ".join(self.ignored))
        self.field.show()
        self.field.setFocus()

    def _take_ignored(self) -> None:
        if self.field.isVisible():
            self.field.hide()
            self.ignore(self.field.text().split(","))

    def _repaint(self) -> None:
        theme = self.theme
        self.copy.setIcon(theme.icon("copy"))
        for button in (self.pdf, self.csv):
            button.setIcon(theme.icon("export", "text"))
        self._findings = ()
        self._show()


def _setting_lines(title: str, rows: Sequence[DifferenceRow]) -> list[DifferenceLine]:
    lines = [
        DifferenceLine((label(row.path), *map(value_words, row.values)), row.changed, row.path)
        for row in rows
    ]
    return [DifferenceLine((title,)), *lines] if lines else []


def _measured(results: Sequence[Result], compared: Compared) -> list[DifferenceLine]:
    """What came out, over the finished seeds of each group; what no group has is left out."""
    wanted: list[tuple[str, str, Callable[[Result], float | None]]] = [
        ("Final return", "Mean over seeds of the mean of each run's last evaluations.", lambda result: result.mean)
    ]
    for name in _MEASURED:
        info = metrics.describe(name)
        wanted.append((info.axis_title, f"Last value, mean over seeds. {info.help}", _last(compared.latest, name)))
    lines = []
    for title, tip, read in wanted:
        values = [read(result) for result in results]
        if any(value is not None for value in values):
            lines.append(DifferenceLine((title, *map(format.number, values)), (), tip))
    times = [training_time(result.group) for result in results]
    if any(value is not None for value in times):
        tip = "Training time, mean over finished runs."
        lines.append(DifferenceLine(("Duration", *map(format.clock, times)), (), tip))
    return [DifferenceLine(("Measured at the end",)), *lines] if lines else []


def _last(latest: Mapping[int, Mapping[str, float]], metric: str) -> Callable[[Result], float | None]:
    return lambda result: last_values(result.group, latest, metric)


def _padded(line: DifferenceLine, blank: tuple[str, ...]) -> DifferenceLine:
    """What was measured has nothing under the preset or the defaults."""
    return line if line.heading else DifferenceLine((line.cells[0], *blank, *line.cells[1:]), (), line.tip)


def _packages(results: Sequence[Result]) -> str:
    """Whether the same versions ran everything, else which differ."""
    versions: dict[str, set[str]] = {}
    runs = [run for result in results for run in result.group.runs]
    for run in runs:
        for name, version in run.versions.items():
            versions.setdefault(name, set()).add(str(version))
    differing = [f"{name} {' and '.join(sorted(found))}" for name, found in versions.items() if len(found) > 1]
    devices = sorted({run.device for run in runs})
    words = f"Packages differ: {'; '.join(differing)}." if differing else "Packages: the same."
    return f"{words} Device: {', '.join(devices)}."


def _link(words: str) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "link")
    button.setProperty("small", True)
    return button


def _row(
    *widgets: QWidget, margins: tuple[int, int, int, int], stretch: bool = False, push: bool = False
) -> QHBoxLayout:
    """A row; ``stretch`` leaves room at its right, ``push`` gives it to the first widget."""
    row = QHBoxLayout()
    row.setContentsMargins(*margins)
    row.setSpacing(8)
    for place, widget in enumerate(widgets):
        row.addWidget(widget, 1 if push and not place else 0)
    if stretch:
        row.addStretch(1)
    return row


if __name__ == "__main__":
    raise SystemExit(run_alone(DifferencesPanel))
