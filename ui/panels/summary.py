"""What Start would start: runs, duration, differences from the preset, the command."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from storage import StorageError
from ui import format
from ui.actions import Action
from ui.context import Context
from ui.controls.labels import Label, hairline
from ui.draft import Draft, label
from ui.durations import earlier_runs, expected
from ui.panels.base import Panel, run_alone
from workbench.engine.duration import Duration, PastRun
from workbench.presets import as_command
from workbench.settings import SettingsError
from workbench.spec import RunSpec


class SummaryPanel(Panel):
    """Start stays disabled while something is wrong, and says what."""

    name: ClassVar[str] = "summary"
    title: ClassVar[str] = "Summary"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.draft = Draft.of(context)
        self._past: list[PastRun] = []
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 10, 12, 12)
        outer.setSpacing(8)
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 6, 0)
        self._column.setSpacing(8)
        self._build_figures()
        self._build_changes()
        self._build_command()
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(page)
        outer.addWidget(scroll, 1)
        outer.addWidget(self._build_banner())
        outer.addLayout(self._build_buttons())
        self.theme.changed.connect(self._repaint)
        self._repaint()
        self._register()

    def activate(self) -> None:
        """Read how long earlier runs took, and follow the form."""
        self.draft.changed.connect(self._update)
        self.context.engine.ready.connect(self._update)
        self.context.engine.failed.connect(self._update)
        self._past = earlier_runs(self.context.project)
        self._update()

    def deactivate(self) -> None:
        """Let go."""
        self.draft.changed.disconnect(self._update)
        self.context.engine.ready.disconnect(self._update)
        self.context.engine.failed.disconnect(self._update)

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build_figures(self) -> None:
        self._column.addWidget(Label(self.theme, "What this starts", weight=600))
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        self._names: dict[str, Label] = {}
        self._values: dict[str, Label] = {}
        for number, name in enumerate(("Runs", "Environment steps", "Updates", "Disk")):
            self._names[name] = Label(self.theme, name, token="text2")
            grid.addWidget(self._names[name], number, 0)
            self._values[name] = Label(self.theme, weight=500)
            grid.addWidget(self._values[name], number, 1, Qt.AlignmentFlag.AlignRight)
        self._column.addLayout(grid)
        self._column.addWidget(hairline())
        line = QHBoxLayout()
        line.addWidget(Label(self.theme, "Duration", weight=600))
        line.addStretch(1)
        self._duration = Label(self.theme, weight=600)
        line.addWidget(self._duration)
        self._column.addLayout(line)
        self._basis = Label(self.theme, size=11, token="text3", wrap=True)
        self._column.addWidget(self._basis)
        self._column.addWidget(hairline())

    def _build_changes(self) -> None:
        line = QHBoxLayout()
        line.addWidget(Label(self.theme, "Changed from preset", weight=600))
        line.addStretch(1)
        self._count = Label(self.theme, weight=600, token="accent")
        line.addWidget(self._count)
        self._column.addLayout(line)
        self._changes = Label(self.theme, token="text2", wrap=True)
        self._column.addWidget(self._changes)
        self._column.addWidget(hairline())

    def _build_command(self) -> None:
        line = QHBoxLayout()
        line.addWidget(Label(self.theme, "Command", weight=600))
        line.addStretch(1)
        self._copy = QPushButton("Copy as command")
        self._copy.clicked.connect(self.copy_command)
        line.addWidget(self._copy)
        self._column.addLayout(line)
        self._command = QPlainTextEdit()
        self._command.setReadOnly(True)
        self._command.setProperty("role", "code")
        self._command.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._command.document().documentLayout().documentSizeChanged.connect(self._fit_command)
        self._command.setFont(self.theme.font(11, mono=True))
        self._command.setAccessibleName("The command that starts the same")
        self._column.addWidget(self._command)

    def _build_banner(self) -> QFrame:
        self._banner = QFrame()
        self._banner.setProperty("role", "banner-bad")
        row = QHBoxLayout(self._banner)
        row.setContentsMargins(10, 6, 6, 6)
        self._why = Label(self.theme, token="text", wrap=True)
        self._show = QPushButton("Show")
        self._show.setProperty("kind", "ghost")
        self._show.setAccessibleName("Show the field that is wrong")
        self._show.clicked.connect(lambda: self.context.actions.trigger("form.next_error"))
        row.addWidget(self._why, 1)
        row.addWidget(self._show)
        return self._banner

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.start_button = QPushButton("Start")
        self.start_button.setProperty("kind", "primary")
        self.start_button.setToolTip("Queue it; it starts as soon as the device is free  Ctrl+Enter")
        self.start_button.clicked.connect(lambda: self.start())
        row.addWidget(self.start_button, 1)
        return row

    def _register(self) -> None:
        actions = self.context.actions
        known = {action.id for action in actions}
        for action in (
            Action(
                "form.start",
                "Start the run in the form",
                self.start,
                "Ctrl+Return",
                "Run",
                "play",
                obstacle=self.obstacle,
                scope=self,  # its keys start nothing from where the form is not in sight
            ),
            Action(
                *("form.copy_command", "Copy the form as command", self.copy_command, "Ctrl+Shift+C", "Run", "copy"),
                obstacle=self.form_obstacle,
            ),
            Action(
                "run.quick",
                "Start the quick run",
                self.start_quick,
                menu="Run",
                icon="bolt",
                help="ALM on HalfCheetah, minutes on a CPU",
            ),
        ):
            if action.id not in known:
                actions.add(action)

    # ---- what happens -----------------------------------------------------------------------------------------------

    def obstacle(self) -> str:
        """Why Start cannot be pressed; empty when it can."""
        engine = self.context.engine
        if self.form_obstacle():
            return self.form_obstacle()
        if engine.state == "failed":
            return f"The engine could not be loaded: {engine.problem}"
        return "" if engine.queue is not None else "The engine is being prepared; a few seconds more."

    def form_obstacle(self) -> str:
        """What is wrong in the form; empty when nothing is."""
        if not self.draft.problems:
            return ""
        path, problem = next(iter(self.draft.problems.items()))
        others = len(self.draft.problems) - 1
        return f"{label(path)}: {problem}" + (f" {others} more." if others else "")

    def start(self) -> list[int]:
        """Queue what the form says; returns the runs."""
        spec = self.draft.spec
        return self._submit(spec) if spec is not None and not self.obstacle() else []

    def start_quick(self) -> list[int]:
        """Queue the quick preset as it is, whatever the form says."""
        if self.context.engine.queue is None:
            self.context.notices.add("info", "The engine is being prepared. Start the quick run in a few seconds.")
            return []
        return self._submit(self.draft.presets["alm-quick"].spec())

    def _submit(self, spec: RunSpec) -> list[int]:
        queue = self.context.engine.queue
        assert queue is not None
        try:
            runs = queue.submit(spec)
        except (SettingsError, StorageError) as error:
            self.context.notices.add("bad", str(error))
            return []
        self.context.selection.select(runs)
        self.context.feed.runs_changed.emit()
        noun = format.plural(len(runs), "run")
        self.context.notices.add("ok", f"Started {noun}: {', '.join(f'number {run}' for run in runs)}.")
        if any(action.id == "workspace.watch" for action in self.context.actions):
            self.context.actions.trigger("workspace.watch")
        return runs

    def copy_command(self) -> None:
        """Put the command on the clipboard."""
        if self.draft.spec is not None:
            QGuiApplication.clipboard().setText(as_command(self.draft.spec))
            self.context.notices.add("info", "The command is on the clipboard.")

    def _update(self, *_ignored: object) -> None:
        spec = self.draft.spec
        differences = self.draft.differences()
        self._count.setText(str(len(differences)) if differences else "none")
        lines = [f"{label(path)}: {old or 'empty'} → {new or 'empty'}" for path, old, new in differences]
        self._changes.setText("\n".join(lines))
        self._changes.setVisible(bool(differences))
        why = self.obstacle()
        waiting = not self.draft.problems
        self._why.setText(why)
        self._banner.setVisible(bool(why))
        self._banner.setProperty("role", "banner-accent" if waiting else "banner-bad")
        self._banner.style().unpolish(self._banner)
        self._banner.style().polish(self._banner)
        self._show.setVisible(not waiting)
        self.start_button.setEnabled(not why)
        self.start_button.setIcon(self.theme.icon("play", "text3" if why else "on", filled=True))
        self._copy.setEnabled(spec is not None)
        self._show_command()
        if spec is not None:
            self._show_figures(spec)
            return
        for value in (*self._values.values(), self._duration):
            value.setText("—")
        self._basis.setText("")

    def _show_command(self) -> None:
        """Every part on its line; what differs from the preset and what is wrong in their colours."""
        self._command.clear()
        cursor = QTextCursor(self._command.document())
        parts = self.draft.command()
        for number, (words, path) in enumerate(parts):
            token = "bad" if path in self.draft.problems else "accent" if self.draft.differs(path) else "text2"
            style = QTextCharFormat()
            style.setForeground(self.theme.color(token if number else "text"))
            cursor.insertText(("  " if number else "") + words, style)
            style.setForeground(self.theme.color("text3"))
            cursor.insertText(" \\\n" if number + 1 < len(parts) else "", style)

    def _fit_command(self) -> None:
        """As high as its lines; a plain text's document is measured in lines."""
        lines = round(self._command.document().size().height())
        spacing = self._command.fontMetrics().lineSpacing()
        self._command.setFixedHeight(max(lines, 1) * spacing + self.theme.px(12) + 12)

    def _repaint(self) -> None:
        theme = self.theme
        self._copy.setIcon(theme.icon("copy"))
        self._command.setFont(theme.font(11, mono=True))
        self._fit_command()
        self.start_button.setMinimumHeight(theme.px(34))
        if self.active:
            self._update()

    def _show_figures(self, spec: RunSpec) -> None:
        seeds, settings = len(spec.seeds), spec.settings
        self._values["Runs"].setText(format.plural(seeds, "run") + (", one per seed" if seeds > 1 else ""))
        each = " each" if seeds > 1 else ""
        self._values["Environment steps"].setText(f"{format.count(spec.total_steps)}{each}")
        updates = max(spec.total_steps - settings.warm_up_steps, 0) * settings.updates_per_step
        self._values["Updates"].setText(f"{format.count(updates)}{each}")
        for words in (self._names["Updates"], self._values["Updates"]):
            words.setVisible(settings.updates_every_step)  # else how many there will be is not known before
        self._values["Disk"].setText(f"about {format.size(self._disk(spec) * seeds)}")
        self._show_duration(expected(spec, self._past), seeds)

    def _disk(self, spec: RunSpec) -> int:
        settings = spec.settings
        wide = getattr(settings, "model_hidden_size", 256) ** 2 + 6 * getattr(settings, "hidden_size", 256) ** 2
        snapshots = 100 / spec.engine.snapshot_percent if spec.engine.keep_snapshots else 2
        evaluations = spec.total_steps / spec.engine.evaluation_interval * spec.engine.record_evaluations
        return int(4 * wide * (snapshots + 6) + evaluations * 250_000)

    def _show_duration(self, found: Duration | None, seeds: int) -> None:
        if found is None:
            self._duration.setText("not known yet")
            words, preset, text = "No earlier run on this machine to judge by.", self.draft.preset, self.draft.text
            as_described = (text("agent"), text("environment")) == (preset.agent, preset.environment)
            self._basis.setText(f"{words} {preset.description}" if as_described else words)
            return
        each = "" if seeds == 1 else " per seed"
        self._duration.setText(f"about {format.duration(found.seconds)}{each}")
        basis = "alike" if found.alike else "of other sizes"
        self._basis.setText(
            f"{format.duration(found.low)} to {format.duration(found.high)}, "
            f"from {format.plural(found.runs, 'earlier run')} {basis} on this machine."
        )


if __name__ == "__main__":
    raise SystemExit(run_alone(SummaryPanel))
