"""One control for one settings field: it shows and gives text, whatever kind of widget it is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from ui.controls.number_steps import Steps, steps_of
from ui.guard import guarded
from ui.theme import Theme
from workbench.settings import Field

#: key: direction, and whether the step is a long one
STEPPING = {
    **{Qt.Key.Key_Up: (1, False), Qt.Key.Key_Down: (-1, False)},
    **{Qt.Key.Key_PageUp: (1, True), Qt.Key.Key_PageDown: (-1, True)},
}
#: milliseconds after the last key before what was typed is checked
PATIENCE = 150
WIDTH = 176
#: characters that a field takes; far more than any setting has
LONGEST = 300


class FieldEdit(QWidget):
    """``edited`` is emitted with the text: at once for a choice, after a short pause for typing."""

    edited = Signal(str)

    def __init__(self, theme: Theme, name: str, unit: str = "") -> None:
        super().__init__()
        self._theme = theme
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._name, self._unit = name, unit
        theme.changed.connect(self._rescale)
        FieldEdit._rescale(self)

    def text(self) -> str:
        """What stands in it."""
        raise NotImplementedError

    def show_text(self, text: str) -> None:
        """Put text in without ``edited``."""
        raise NotImplementedError

    def set_wrong(self, wrong: bool) -> None:
        """Show at the edge that it is wrong."""

    def _rescale(self) -> None:
        self.setFixedWidth(self._theme.px(WIDTH))

    def _mark(self, widget: QWidget, wrong: bool) -> None:
        state = "error" if wrong else ""
        if widget.property("state") != state:
            widget.setProperty("state", state)
            widget.style().unpolish(widget)
            widget.style().polish(widget)


class TextEdit(FieldEdit):
    """Numbers, lists, schedules and free text. ``steps`` are those of Up and Down, Page Up and Page Down, and of the
    wheel where the keys go."""

    def __init__(self, theme: Theme, name: str, unit: str = "", steps: Steps | None = None) -> None:
        super().__init__(theme, name, unit)
        self.line = QLineEdit()
        self.line.setAccessibleName(name)
        self.line.setMaxLength(LONGEST)
        self._steps = steps
        if steps is not None and steps.log:
            self.line.setToolTip("Up and Down go to the next round number, Page Up and Page Down ten times as far.")
        self._row.addWidget(self.line)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PATIENCE)
        self._timer.timeout.connect(lambda: self.edited.emit(self.line.text()))
        self.line.textEdited.connect(lambda _text: self._timer.start())
        self.line.editingFinished.connect(self._finish)
        self.line.installEventFilter(self)
        if unit:
            self._unit_label = QLabel(unit, self.line)
            self._unit_label.setProperty("role", "hint")
            self._unit_label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self._rescale()
        self.setFocusProxy(self.line)

    def _rescale(self) -> None:
        super()._rescale()
        if self._unit:
            self._unit_label.setFont(self._theme.font(11))
            self.line.setTextMargins(0, 0, self._unit_label.sizeHint().width() + 6, 0)
            self._place_unit()

    def _place_unit(self) -> None:
        size = self._unit_label.sizeHint()
        self._unit_label.resize(size)
        self._unit_label.move(self.line.width() - size.width() - 9, (self.line.height() - size.height()) // 2)

    def text(self) -> str:
        """What stands in it."""
        return self.line.text()

    def show_text(self, text: str) -> None:
        """Put text in; the cursor stays while the user types the same."""
        if self.line.text().strip() != text and not (self.line.hasFocus() and self._timer.isActive()):
            self.line.setText(text)

    def set_wrong(self, wrong: bool) -> None:
        """A red edge."""
        self._mark(self.line, wrong)

    def _finish(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self.edited.emit(self.line.text())

    @guarded
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # type: ignore[override]
        """Qt's: places the unit and steps numbers."""
        if self._unit and event.type() == QEvent.Type.Resize:
            self._place_unit()
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._step(*STEPPING.get(Qt.Key(event.key()), (0, False)))
        if isinstance(event, QWheelEvent) and self.line.hasFocus() and event.angleDelta().y():
            return self._step(1 if event.angleDelta().y() > 0 else -1, False)
        return False

    def _step(self, direction: int, far: bool) -> bool:
        """One step of the number in it; returns whether it is one and can be stepped."""
        stepped = None if self._steps is None or not direction else self._steps.after(self.text(), direction, far)
        if stepped is None:
            return False
        self.line.setText(stepped)
        self._timer.start()
        return True


class ChoiceEdit(FieldEdit):
    """One of several; ``free`` also takes what is typed."""

    def __init__(self, theme: Theme, name: str, choices: list[str], *, free: bool = False) -> None:
        super().__init__(theme, name)
        self.box = _QuietCombo()
        self.box.setAccessibleName(name)
        self.box.addItems(choices)
        self.box.setEditable(free)
        self._row.addWidget(self.box)
        self.setFocusProxy(self.box)
        if free:
            line = self.box.lineEdit()
            assert line is not None  # it is editable
            line.setMaxLength(LONGEST)
            self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            self._timer = QTimer(self)
            self._timer.setSingleShot(True)
            self._timer.setInterval(PATIENCE)
            self._timer.timeout.connect(lambda: self.edited.emit(self.box.currentText()))
            self.box.editTextChanged.connect(lambda _text: self._timer.start())
        else:
            self.box.activated.connect(lambda _index: self.edited.emit(self.box.currentText()))

    def text(self) -> str:
        """The chosen one."""
        return self.box.currentText()

    def show_text(self, text: str) -> None:
        """Choose without ``edited``."""
        if self.box.currentText() != text:
            self.box.blockSignals(True)
            if self.box.isEditable():
                self.box.setEditText(text)
            else:
                if self.box.findText(text) < 0:
                    self.box.addItem(text)
                self.box.setCurrentText(text)
            self.box.blockSignals(False)

    def set_wrong(self, wrong: bool) -> None:
        """A red edge."""
        self._mark(self.box, wrong)


class SwitchEdit(FieldEdit):
    """On or off."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self.box = QCheckBox()
        self.box.setAccessibleName(name)
        self._row.addWidget(self.box)
        self._row.addStretch(1)
        self.setFocusProxy(self.box)
        self.box.toggled.connect(self._toggled)

    def text(self) -> str:
        """``true`` or ``false``."""
        return "true" if self.box.isChecked() else "false"

    def show_text(self, text: str) -> None:
        """Set without ``edited``."""
        self.box.blockSignals(True)
        self.box.setChecked(text.lower() in ("true", "yes", "on", "1"))
        self.box.blockSignals(False)
        self.box.setText("On" if self.box.isChecked() else "Off")

    def _toggled(self, on: bool) -> None:
        self.box.setText("On" if on else "Off")
        self.edited.emit("true" if on else "false")


def edit_for(theme: Theme, field: Field, name: str) -> FieldEdit:
    """The control for a settings field."""
    if field.kind == "bool":
        return SwitchEdit(theme, name)
    if field.choices is not None:
        return ChoiceEdit(theme, name, list(field.choices))
    numeric = field.kind == "int" or (field.kind in ("float", "schedule") and field.log)
    return TextEdit(theme, name, field.unit, steps_of(field) if numeric else None)


class _QuietCombo(QComboBox):
    """A combo box that a scrolling page does not change in passing."""

    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Qt's: only with focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
