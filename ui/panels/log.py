"""The log: what the selected run recorded, or what the application said."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from storage import LogRow, StorageError
from ui import format
from ui.application_log import application_log
from ui.context import Context
from ui.controls.labels import Label
from ui.guard import guarded, guarded_or
from ui.panels.base import Panel, run_alone

#: severities, least first; each shows itself and those after it
LEVELS = (("All", 0), ("Notes and worse", 20), ("Warnings and worse", 30), ("Errors", 40))
_WORDS = {40: ("error", "bad"), 30: ("warning", "warn"), 20: ("note", "text2"), 10: ("detail", "text3")}
#: the newest lines that are shown
SHOWN = 5000
_ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Line:
    """One entry: ``level`` as in logging, ``source`` a step or a logger, ``details`` a traceback or nothing."""

    moment: float
    level: int
    source: str
    text: str
    details: str = ""

    @property
    def severity(self) -> tuple[str, str]:
        """Its word and colour."""
        return next(value for least, value in _WORDS.items() if self.level >= least or least == 10)


def line_of_record(record: logging.LogRecord) -> Line:
    """A line of the application's own log."""
    details = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
    return Line(record.created, record.levelno, record.name, record.getMessage(), details)


def line_of_event(row: LogRow) -> Line:
    """A line of a run's log."""
    data: dict[str, Any] = row.data
    details = str(data.get("traceback") or data.get("fault") or "")
    level = 20
    if row.kind == "fault":
        level, text = 40, str(data.get("message", "failed"))
    elif row.kind == "state":
        reason = f": {data['reason']}" if data.get("reason") else ""
        text = f"{str(data.get('from', '')).capitalize()} → {data.get('to', '')}{reason}"
        level = {"failed": 40, "interrupted": 30}.get(str(data.get("to")), 20)
    elif row.kind == "evaluation":
        returns = [float(value) for value in data.get("returns", [])]
        mean = sum(returns) / len(returns) if returns else None
        text = f"Evaluation: return {format.number(mean)} over {format.plural(len(returns), 'episode')}"
    elif row.kind == "episode":
        level, text = 10, f"Episode: return {format.number(data.get('return'))}, {data.get('length')} steps"
    elif row.kind == "checkpoint":
        level, text = 10, f"Wrote {data.get('kind')} {data.get('name')}, {format.size(data.get('size'))}"
    else:
        level = 30 if row.kind == "quarantine" else 20
        text = str(data.get("text") or data.get("reason") or row.kind)
    return Line(row.wall_time, level, f"step {format.count(row.step)}", text, details)


class LogModel(QAbstractListModel):
    """The lines that the filter leaves, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        """Replace all."""
        self.beginResetModel()
        self.lines = lines[-SHOWN:]
        self.endResetModel()

    @guarded_or(0)
    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        """Qt's."""
        return len(self.lines)

    @guarded
    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        """Qt's."""
        line = self.lines[index.row()]
        if role == _ENTRY:
            return line
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{time.strftime('%H:%M:%S', time.localtime(line.moment))} {line.severity[0]} {line.text}"
        return None


class _LineDelegate(QStyledItemDelegate):
    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = context.theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Qt's."""
        return QSize(100, self._theme.px(24))

    @guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's: time, severity, source, text."""
        line: Line = index.data(_ENTRY)
        theme, area = self._theme, option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.color("select"))
        word, token = line.severity
        painter.setFont(theme.font(11, mono=True))
        advance = painter.fontMetrics().horizontalAdvance("0")
        left = area.left() + 12
        columns = (
            (time.strftime("%H:%M:%S", time.localtime(line.moment)), "text3", 9),
            (word, token, 9),
            (line.source if line.source.startswith("step") else "", "text3", 15 if line.source[:4] == "step" else 0),
        )
        for text, colour, width in columns:
            painter.setPen(theme.color(colour))
            painter.drawText(left, area.top(), width * advance, area.height(), _LEFT, text)
            left += width * advance
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("bad" if line.level >= 40 else "text"))
        room = area.right() - left - 10
        shown = painter.fontMetrics().elidedText(
            line.text.replace("\n", " "), Qt.TextElideMode.ElideRight, max(room, 0)
        )
        painter.drawText(left, area.top(), max(room, 0), area.height(), _LEFT, shown)
        painter.restore()


_LEFT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)


class LogPanel(Panel):
    """Choose the source and the severity; details of the marked line stand below."""

    name = "log"
    title = "Log"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.source = QComboBox()
        self.source.addItems(["Application", "Selected run"])
        self.source.setAccessibleName("Whose log")
        self.level = QComboBox()
        for words, least in LEVELS:
            self.level.addItem(words, least)
        self.level.setCurrentIndex(1)
        self.level.setAccessibleName("Severity")
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter the log")
        self.model = LogModel()
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(_LineDelegate(context, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setAccessibleName("Log")
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Details of the marked line")
        self.details.hide()
        self.empty = Label(context.theme, "", token="text2", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._run_lines: list[Line] = []
        self._read: tuple[int | None, int] = (None, 0)  # run and the id of its last line
        self._lay_out()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(150)
        self._soon.timeout.connect(self.refresh)
        self._connect()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.source)
        row.addWidget(self.level)
        row.addWidget(self.filter, 1)
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.view)
        split.addWidget(self.details)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 10, 0, 4)
        column.setSpacing(8)
        inset = QVBoxLayout()
        inset.setContentsMargins(12, 0, 12, 0)
        inset.addLayout(row)
        column.addLayout(inset)
        column.addWidget(split, 1)
        column.addWidget(self.empty, 1)

    def _connect(self) -> None:
        for box in (self.source, self.level):
            box.currentIndexChanged.connect(self.refresh)
        self.filter.textChanged.connect(lambda: self._soon.start())
        self.view.selectionModel().currentChanged.connect(self._show_details)
        copying = QShortcut(QKeySequence.StandardKey.Copy, self.view, context=Qt.ShortcutContext.WidgetShortcut)
        copying.activated.connect(self._copy)
        self.context.theme.changed.connect(self._repaint)
        self._repaint()

    # ---- following --------------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Read and follow."""
        application_log().added.connect(self._later)
        self.context.feed.events.connect(self._run_spoke)
        self.context.selection.changed.connect(self.refresh)
        self.refresh()

    def deactivate(self) -> None:
        """No more."""
        application_log().added.disconnect(self._later)
        self.context.feed.events.disconnect(self._run_spoke)
        self.context.selection.changed.disconnect(self.refresh)

    def show_run(self) -> None:
        """Turn to the selected run's log."""
        self.source.setCurrentIndex(1)

    def _later(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _run_spoke(self, run_id: int, _events: list[object]) -> None:
        if run_id == self.context.selection.primary:
            self._later()

    def refresh(self, *_: object) -> None:
        """Read what is new and show what the filter leaves."""
        of_run = self.source.currentIndex() == 1
        lines = self._lines_of_run() if of_run else [line_of_record(each) for each in list(application_log().records)]
        least, wanted = self.level.currentData(), self.filter.text().strip().lower()
        found = [line for line in lines if line.level >= least and wanted in f"{line.source} {line.text}".lower()]
        bar = self.view.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        if found != self.model.lines:
            self.model.show(found)
            if at_end:
                self.view.scrollToBottom()
        self._say(of_run, len(lines), len(found))

    def _lines_of_run(self) -> list[Line]:
        run_id = self.context.selection.primary
        if run_id != self._read[0]:
            self._run_lines, self._read = [], (run_id, 0)
        if run_id is None:
            return []
        try:
            rows = self.context.project.log.read(run_id, after=self._read[1])
        except StorageError:
            return self._run_lines
        if rows:
            self._run_lines.extend(line_of_event(row) for row in rows)
            self._read = (run_id, rows[-1].id)
        return self._run_lines

    def _say(self, of_run: bool, all_lines: int, shown: int) -> None:
        run_id = self.context.selection.primary
        if shown:
            words = ""
        elif of_run and run_id is None:
            words = "No run selected. Select a run to read its log."
        elif all_lines:
            words = f"Nothing fits the filter. {format.plural(all_lines, 'line')} are hidden by it."
        else:
            words = "Nothing was logged yet."
        self.empty.setText(words)
        self.empty.setVisible(bool(words))
        self._split.setVisible(not words)
        what = f"run {run_id}" if of_run and run_id is not None else "" if of_run else "application"
        self.subtitle_changed.emit(" · ".join(part for part in (what, format.plural(shown, "line")) if part))

    # ---- one line ---------------------------------------------------------------------------------------------------

    def _show_details(self, index: QModelIndex) -> None:
        line: Line | None = index.data(_ENTRY) if index.isValid() else None
        text = f"{line.text}\n\n{line.details}".strip() if line is not None and line.details else ""
        self.details.setPlainText(text)
        self.details.setVisible(bool(text))

    def _copy(self) -> None:
        line: Line | None = self.view.currentIndex().data(_ENTRY)
        if line is not None:
            QGuiApplication.clipboard().setText(f"{line.text}\n{line.details}".strip())

    def _repaint(self) -> None:
        self.details.setFont(self.theme.font(11, mono=True))


if __name__ == "__main__":
    raise SystemExit(run_alone(LogPanel))
