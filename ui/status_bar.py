"""The bar at the bottom: what is saved, the project, the disk, the machine, and notices."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QStackedWidget, QWidget

from ui import format
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.guard import guarded
from ui.notices import Notice
from ui.theme import Theme
from workbench.engine.monitor import MachineLoad

HEIGHT = 26
#: milliseconds that a new notice stays in sight before it waits under its number
NOTICE_TIME = 8000
#: bytes below which the free space is shown as a warning
LOW_DISK = 2_000_000_000
_ICONS = {"info": ("help", "text2"), "ok": ("check", "ok"), "warn": ("warn", "warn"), "bad": ("warn", "bad")}


class Meter(QWidget):
    """Name, small bar, figure."""

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._title = QLabel(name)
        self._title.setProperty("role", "hint")
        self._bar = _Bar(theme)
        self._figure = QLabel("—")
        self._figure.setProperty("role", "label")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self._title, self._bar, self._figure):
            row.addWidget(widget)
        self.setAccessibleName(name)

    def show_share(self, share: float, figure: str) -> None:
        """The bar's filled part (0 to 1) and the words beside it."""
        self._bar.share = min(max(share, 0.0), 1.0)
        self._bar.update()
        self._figure.setText(figure)
        self.setAccessibleDescription(figure)

    def set_fonts(self) -> None:
        """Take the sizes from the theme again."""
        for label in (self._title, self._figure):
            label.setFont(self._theme.font(11))
        self._bar.setFixedSize(self._theme.px(36), self._theme.px(5))


class _Bar(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.share = 0.0

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("line"))
        painter.drawRoundedRect(self.rect(), 2, 2)
        painter.setBrush(self._theme.color("text3"))
        painter.drawRoundedRect(0, 0, round(self.width() * self.share), self.height(), 2, 2)
        painter.end()


class StatusBar(QFrame):
    """One for the whole window. ``notices_opened`` asks for the list of notices."""

    notices_opened = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.setObjectName("statusbar")
        self._context = context
        self._saved_icon, self._folder_icon, self._disk_icon = QLabel(), QLabel(), QLabel()
        self._saved, self._disk = QLabel(), QLabel("—")
        self._disk.setProperty("role", "label")
        self._project = ElidedLabel(context.project.folder.name)
        self._project.setToolTip(str(context.project.folder))
        self._project.setAccessibleName(f"Project {context.project.folder}")
        self._preparing = QLabel()
        self._notice_icon, self._notice = QLabel(), ElidedLabel()
        self._notice_action, self._waiting = QPushButton(), QPushButton()
        for button in (self._notice_action, self._waiting):
            button.setProperty("kind", "link")
            button.setProperty("small", True)
        self.cpu, self.gpu = Meter("CPU", context.theme), Meter("GPU", context.theme)
        self.memory = Meter("Memory", context.theme)
        self._shown: Notice | None = None
        self._hide_notice = QTimer(self)
        self._hide_notice.setSingleShot(True)
        self._hide_notice.setInterval(NOTICE_TIME)
        self._hide_notice.timeout.connect(self._put_notice_away)
        self._lay_out()
        self._repaint()
        self._connect()
        self.show_engine()
        self.tell_saved()

    def _lay_out(self) -> None:
        plain, notice = QWidget(), QWidget()
        self._left = QStackedWidget()
        self._left.addWidget(plain)
        self._left.addWidget(notice)
        self._left.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        state: tuple[QWidget, ...] = (self._saved_icon, self._saved, _line(), self._folder_icon, self._project)
        told: tuple[QWidget, ...] = (self._notice_icon, self._notice, self._notice_action)
        for holder, widgets in ((plain, (*state, _line(), self._disk_icon, self._disk)), (notice, told)):
            row = QHBoxLayout(holder)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            for widget in widgets:
                row.addWidget(widget)
            row.addStretch(1)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(12, 0, 12, 0)
        outer.setSpacing(12)
        outer.addWidget(self._left, 1)
        right: tuple[QWidget, ...] = (self._waiting, self._preparing, self.cpu, self.gpu, self.memory)
        for widget in right:
            outer.addWidget(widget)
        self.gpu.hide()
        self._notice_action.clicked.connect(self._act)
        self._waiting.clicked.connect(self._list_notices)

    def _connect(self) -> None:
        context = self._context
        context.theme.changed.connect(self._repaint)
        context.notices.added.connect(self.show_notice)
        context.notices.changed.connect(self._count)
        context.engine.ready.connect(self.show_engine)
        context.engine.failed.connect(self.show_engine)
        context.feed.ticked.connect(self.tell_saved)

    # ---- plain state ------------------------------------------------------------------------------------------------

    def show_machine(self, load: MachineLoad) -> None:
        """The newest measurement."""
        gigabyte = 1024**3
        self.cpu.show_share(load.cpu, format.percent(load.cpu))
        used, total = load.memory_used / gigabyte, load.memory_total / gigabyte
        self.memory.show_share(used / max(total, 1e-9), f"{used:.1f} of {total:.0f} GB")
        uses = [gpu.use for gpu in load.gpus if gpu.use is not None]
        self.gpu.setVisible(bool(uses))
        if uses:
            self.gpu.show_share(max(uses), format.percent(max(uses)))
        self._show_disk(load.disk_free)

    def _show_disk(self, free: int) -> None:
        low = free < LOW_DISK
        self._disk.setText(f"{'Only ' if low else ''}{format.size(free)} free")
        role = "warn" if low else "label"
        if self._disk.property("role") == role:
            return
        self._disk.setProperty("role", role)
        self._disk.style().unpolish(self._disk)
        self._disk.style().polish(self._disk)
        self._disk.setFont(self._context.theme.font(11))
        self._disk_icon.setPixmap(self._pixmap(*self._disk_sign()))
        if low:
            told = f"Only {format.size(free)} are free on the project's disk. Training pauses when it is full."
            self._context.notices.add("warn", told)

    def _disk_sign(self) -> tuple[str, str]:
        return ("warn", "warn") if self._disk.property("role") == "warn" else ("disk", "text3")

    def tell_saved(self) -> None:
        """How long ago the last change was saved."""
        project = self._context.project
        if not project.writable:
            icon, words = ("lock", "text2"), "Read only"
        elif project.writer.fault is not None:
            icon, words = ("warn", "bad"), f"Not saved: {project.writer.unsaved} changes wait for room on the disk"
        elif project.writer.unsaved:
            icon, words = ("check", "ok"), f"Saved {max(0.0, time.time() - project.writer.saved_at):.1f} s ago"
        else:
            icon, words = ("check", "ok"), "All saved"
        if self._saved.text() != words:
            self._saved.setText(words)
            self._saved_icon.setPixmap(self._pixmap(*icon))

    def show_engine(self, *_: object) -> None:
        """Whether runs can start yet."""
        engine = self._context.engine
        words = {"preparing": "Preparing the engine", "failed": "The engine is missing"}.get(engine.state, "")
        self._preparing.setText(words)
        self._preparing.setVisible(bool(words))
        self._preparing.setToolTip(engine.problem or "Loading torch and the simulator; runs can start soon.")
        self._preparing.setProperty("role", "bad" if engine.state == "failed" else "accent")
        self._preparing.style().polish(self._preparing)

    # ---- notices ----------------------------------------------------------------------------------------------------

    def show_notice(self, notice: Notice) -> None:
        """Show one for a while, then leave it under its number."""
        self._shown = notice
        self._notice_icon.setPixmap(self._pixmap(*_ICONS[notice.level]))
        self._notice.setText(notice.text + (f"  ({notice.count}×)" if notice.count > 1 else ""))
        self._notice_action.setText(notice.action)
        self._notice_action.setVisible(bool(notice.action))
        self._left.setCurrentIndex(1)
        self._hide_notice.start()
        self._count()

    def _put_notice_away(self) -> None:
        self._shown = None
        self._left.setCurrentIndex(0)
        self._count()

    def _count(self) -> None:
        items = self._context.notices.items
        if self._shown is not None and self._shown not in items:
            self._put_notice_away()
            return
        if self._shown is not None:
            shown = self._shown
            self._notice.setText(shown.text + (f"  ({shown.count}×)" if shown.count > 1 else ""))
            place = items.index(shown) + 1
            self._waiting.setText(f"{place} of {len(items)} notices" if len(items) > 1 else "1 notice")
        else:
            self._waiting.setText(f"{len(items)} notice{'s' if len(items) != 1 else ''}")
        self._waiting.setVisible(bool(items))

    def _act(self) -> None:
        notice = self._shown
        if notice is not None:
            self._context.notices.dismiss(notice)
            if notice.run is not None:
                notice.run()

    def _list_notices(self) -> None:
        menu = QMenu(self)
        for notice in reversed(self._context.notices.items):
            count = f"  ({notice.count}×)" if notice.count > 1 else ""
            words = self.fontMetrics().elidedText(notice.text, Qt.TextElideMode.ElideRight, self.width() // 2)
            icon = self._context.theme.icon(*_ICONS[notice.level])
            entry = menu.addAction(icon, words + count)
            entry.setToolTip(notice.text)
            entry.triggered.connect(lambda _=False, chosen=notice: self.show_notice(chosen))
        menu.addSeparator()
        menu.addAction("Dismiss all", self._dismiss_all)
        menu.setToolTipsVisible(True)
        menu.popup(self._waiting.mapToGlobal(QPoint(0, -menu.sizeHint().height())))
        self.notices_opened.emit()

    def _dismiss_all(self) -> None:
        for notice in list(self._context.notices.items):
            self._context.notices.dismiss(notice)

    # ---- looks ------------------------------------------------------------------------------------------------------

    def _pixmap(self, icon: str, token: str) -> QPixmap:
        size = self._context.theme.px(12)
        return self._context.theme.icon(icon, token).pixmap(size, size)

    def _repaint(self) -> None:
        theme = self._context.theme
        self.setFixedHeight(theme.px(HEIGHT))
        for label in (self._saved, self._disk, self._project, self._preparing, self._notice):
            label.setFont(theme.font(11))
        self._notice.setFont(theme.font(11, 500))
        for button in (self._notice_action, self._waiting):
            button.setFont(theme.font(11, 500))
        for label in (self._saved, self._project):
            label.setProperty("role", "label")
        self._folder_icon.setPixmap(self._pixmap("folder", "text3"))
        self._disk_icon.setPixmap(self._pixmap(*self._disk_sign()))
        for meter in (self.cpu, self.gpu, self.memory):
            meter.set_fonts()
        self._saved.setText("")
        self.tell_saved()
        if self._shown is not None:
            self._notice_icon.setPixmap(self._pixmap(*_ICONS[self._shown.level]))
        self._count()


def _line() -> QFrame:
    line = QFrame()
    line.setObjectName("hairline")
    line.setFixedSize(1, 12)
    return line
