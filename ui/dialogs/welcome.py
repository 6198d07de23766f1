"""The first page: a picture, two buttons that keep their promise, and where everything is."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtSvgWidgets import QSvgWidget
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from storage import default_project_folder
from ui import format
from ui.context import Context
from ui.controls.labels import Label, hairline
from ui.durations import earlier_runs, expected
from ui.guard import guarded
from ui.run_control import REFUSALS
from ui.theme import ASSETS, Theme
from ui.workspaces import WorkspaceKind
from workbench.presets import PresetError, find_preset
from workbench.registry import UnknownName

if TYPE_CHECKING:
    from ui.main_window import MainWindow

DEMO = ASSETS / "demo"
QUICK = "alm-quick"
#: the preference that says that the page was left once
SEEN = "welcome.seen"
WIDTH, PICTURE_HEIGHT = 764, 248


class Picture(QWidget):
    """The picture at the top of the card; it fades into the card below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._images: dict[str, QPixmap] = {}
        self.setFixedHeight(PICTURE_HEIGHT)
        self.setAccessibleName("A half cheetah in mid-run, and the paths that it imagines ahead")
        theme.changed.connect(self.update)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's; covers its box, with the card's rounded corners."""
        mode = "dark" if self._theme.dark else "light"
        if mode not in self._images:
            self._images[mode] = QPixmap(str(ASSETS / f"welcome-{mode}.jpg"))
        image, area = self._images[mode], QRectF(self.rect())
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        corners = QPainterPath()
        corners.addRoundedRect(area.adjusted(1, 1, -1, 20), 7, 7)
        painter.setClipPath(corners)
        if not image.isNull():
            factor = max(area.width() / image.width(), area.height() / image.height())
            width, height = image.width() * factor, image.height() * factor
            target = QRectF((area.width() - width) / 2, (area.height() - height) / 2, width, height)
            painter.drawPixmap(target, image, QRectF(image.rect()))
        fade = QLinearGradient(0, area.height() * 0.7, 0, area.height())
        fade.setColorAt(0, self._theme.color("panel", 0))
        fade.setColorAt(1, self._theme.color("panel"))
        painter.fillRect(area, fade)
        painter.end()


class Welcome(QScrollArea):
    """Stands in place of the workspaces until something is chosen."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        context = window.context
        assert context is not None
        self._window, self._context = window, context
        self.setObjectName("welcome")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.quick_button = self._button("Start the quick run", "primary", self.start_quick_run)
        self.demo_button = self._button("Open the demo", "", self.open_demo)
        self._icons: list[tuple[Label, str]] = []
        card = QFrame()
        card.setObjectName("welcomecard")
        card.setFixedWidth(WIDTH)
        column = QVBoxLayout(card)
        column.setContentsMargins(0, 0, 0, 16)
        column.setSpacing(0)
        column.addWidget(Picture(context.theme))
        inner = QVBoxLayout()
        inner.setContentsMargins(32, 4, 32, 0)
        inner.setSpacing(12)
        inner.addLayout(self._head())
        inner.addLayout(self._choices())
        inner.addWidget(hairline())
        inner.addLayout(self._overview())
        inner.addWidget(hairline())
        inner.addLayout(self._foot())
        column.addLayout(inner)
        page = QWidget()
        outer = QGridLayout(page)
        outer.addWidget(card, 0, 0, Qt.AlignmentFlag.AlignCenter)
        self.setWidget(page)
        context.theme.changed.connect(self._repaint)
        context.engine.failed.connect(self._engine_failed)
        self._repaint()

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _button(self, text: str, kind: str, run: object) -> QPushButton:
        button = QPushButton(f" {text}")
        button.setProperty("kind", kind)
        button.setProperty("size", "welcome")
        button.clicked.connect(run)
        return button

    def _head(self) -> QVBoxLayout:
        theme = self._context.theme
        mark = QSvgWidget(str(ASSETS / "mark.svg"))
        mark.setFixedSize(30, 30)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(mark)
        row.addWidget(Label(theme, "Welcome to Foresight", 22, 600))
        row.addStretch(1)
        words = (
            "A lab for model-based reinforcement learning. Start a training run, watch it, and see inside its model, "
            "its critic and its planner."
        )
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addLayout(row)
        column.addWidget(Label(theme, words, 13, 400, "text2", wrap=True))
        return column

    def _choices(self) -> QGridLayout:
        theme = self._context.theme
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        quick = f"HalfCheetah with small networks. {self._promise()}; you watch it learn to run."
        demo = "Finished runs to look around in. Opens at once, needs no network."
        grid.addWidget(self.quick_button, 0, 0)
        self.quick_words = Label(theme, quick, 11, 400, "text3", wrap=True)
        grid.addWidget(self.quick_words, 1, 0)
        if DEMO.is_dir():
            grid.addWidget(self.demo_button, 0, 1)
            grid.addWidget(Label(theme, demo, 11, 400, "text3", wrap=True), 1, 1)
        else:
            self.demo_button.hide()
            self.demo_button.setParent(self)
        for column in range(grid.columnCount()):
            grid.setColumnStretch(column, 1)
        return grid

    def _promise(self) -> str:
        """How long the quick run takes, as the form says it; nothing exact where no run was seen on this machine."""
        found = None
        with contextlib.suppress(PresetError, UnknownName):  # then it cannot be started either, which is said there
            found = expected(find_preset(QUICK).spec(), earlier_runs(self._context.project))
        return "Minutes on a CPU" if found is None else f"About {format.duration(found.seconds)} on this machine"

    def _overview(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(20)
        for workspace in self._window.workspaces.values():
            if workspace.entries:
                row.addLayout(self._workspace(workspace.kind), 1)
        return row

    def _workspace(self, kind: WorkspaceKind) -> QVBoxLayout:
        theme = self._context.theme
        icon, name = Label(theme), Label(theme, kind.title, 12, 600)
        self._icons.append((icon, kind.icon))
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(icon)
        head.addWidget(name)
        head.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(Label(theme, kind.purpose, 11, 400, "text2", wrap=True))
        return column

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._open = QPushButton(" Open a project")
        self._open.setProperty("kind", "ghost")
        self._open.clicked.connect(lambda: self._context.actions.trigger("project.open"))
        row.addWidget(self._open)
        row.addStretch(1)
        row.addWidget(Label(self._context.theme, "Shown once. Help › Welcome brings it back.", 11, 400, "text3"))
        return row

    def _repaint(self) -> None:
        theme = self._context.theme
        self.quick_button.setIcon(theme.icon("play", "on", filled=True))
        self.demo_button.setIcon(theme.icon("beaker", "text2"))
        self._open.setIcon(theme.icon("folder", "text2"))
        for button in (self.quick_button, self.demo_button):
            button.setFont(theme.font(13, 500))
            button.setIconSize(QSize(theme.px(16), theme.px(16)))
        for label, icon in self._icons:
            label.setPixmap(theme.icon(icon, "accent").pixmap(theme.px(16), theme.px(16)))

    # ---- what the buttons do ----------------------------------------------------------------------------------------

    def start_quick_run(self) -> None:
        """Queue the quick run as soon as the engine is there, and show Watch."""
        engine = self._context.engine
        self._window.show_workspace("watch")
        if engine.queue is not None:
            self._submit()
        elif engine.state == "preparing":
            self._context.notices.add("info", "The quick run starts as soon as the engine is prepared.")
            engine.ready.connect(self._submit, Qt.ConnectionType.SingleShotConnection)
        else:
            self._context.notices.add("bad", f"The quick run cannot start. {engine.problem or 'Read only.'}")

    def _submit(self) -> None:
        queue = self._context.engine.queue
        if queue is None:
            return
        try:
            runs = queue.submit(find_preset(QUICK).spec())
        except (PresetError, *REFUSALS) as error:
            self._context.notices.add("bad", str(error))
            return
        self._context.selection.select(runs)
        self._context.feed.runs_changed.emit()

    def open_demo(self) -> None:
        """Open the demo as a copy that the user may change."""
        open_demo(self._window)

    def _engine_failed(self, problem: str) -> None:
        self.quick_button.setEnabled(False)
        self.quick_words.setText(f"Training is not possible here: {problem}")


def open_demo(window: MainWindow) -> None:
    """Open the demo in place of the project, as a copy that the user may change."""
    try:
        folder = copy_demo(DEMO, default_project_folder().parent / "demo")
    except OSError as error:
        assert window.context is not None
        window.context.notices.add("bad", f"The demo could not be copied ({error}). Nothing was changed.")
        return
    window.open_project(folder)


def copy_demo(source: Path, target: Path) -> Path:
    """The user's own copy of the demo at ``target``, made now unless there is one. Raises OSError."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # Under another name first, so that a copy that was cut short is never taken for the demo.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".demo-") as place:
        without = shutil.ignore_patterns("project.lock", "project.holder.json")
        shutil.copytree(source, Path(place) / "demo", ignore=without).rename(target)
    return target


def wanted(context: Context) -> bool:
    """Whether this is a first launch: nothing was ever chosen here and there are no runs."""
    return not context.preferences.get(SEEN, False) and context.project.runs.count() == 0
