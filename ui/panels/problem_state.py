"""The numbers of a start state that is set by hand: one field for each position and velocity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from ui.controls.compact_field import CompactField
from ui.controls.labels import Label
from ui.hand_state import POSITIONS, HandState
from ui.theme import Theme
from workbench.settings import Field

if TYPE_CHECKING:
    from workbench.environments.coordinates import Coordinate

#: px of height that the fields take at most
_TALLEST = 300


class StateEditor(QWidget):
    """What is wrong stands below its field; a changed number has a mark, and a button that resets it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._hand: HandState | None = None
        self._facts: object = None
        self.rows: dict[str, CompactField] = {}
        self.changed = QPushButton()
        self.changed.setProperty("kind", "link")
        self.changed.setProperty("small", True)
        self.changed.setToolTip("Back to the numbers that it began with")
        self.changed.clicked.connect(lambda: self._hand.reset_all() if self._hand is not None else None)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._scroll)
        column.addWidget(self.changed, 0, Qt.AlignmentFlag.AlignLeft)

    def show_state(self, hand: HandState) -> None:
        """The numbers of ``hand``, without telling."""
        self._hand = hand
        if hand.facts is not self._facts:
            self._facts = hand.facts
            self._make_rows(hand)
        for field, row in self.rows.items():
            row.edit.show_text(hand.text(field))
            row.show_state(hand.problems.get(field, ""), hand.base_text(field) if field in hand.texts else "")
        count = len(hand.texts)
        self.changed.setText(f"{count} changed, reset")
        self.changed.setVisible(count > 0)
        self._fit()

    def _make_rows(self, hand: HandState) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(2)
        self.rows = {}
        group = ""
        for field, part in hand.fields():
            title = "Positions" if field.startswith(POSITIONS) else "Velocities"
            if title != group:
                column.addWidget(Label(self._theme, title, 11, token="text3"))
                group = title
            row = CompactField(self._theme, _field(field, part, title), part.name, unit=True)
            row.edit.edited.connect(lambda text, field=field: hand.set_text(field, text))
            row.reset.connect(lambda field=field: hand.set_text(field, hand.base_text(field)))
            self.rows[field] = row
            column.addWidget(row)
        column.addStretch(1)
        self._scroll.setWidget(body)

    def _fit(self) -> None:
        body = self._scroll.widget()
        if body is not None:
            body.ensurePolished()
            self._scroll.setFixedHeight(min(body.sizeHint().height() + 2, self._theme.px(_TALLEST)))


def _field(path: str, part: Coordinate, group: str) -> Field:
    """The number as a form shows settings."""
    facts: dict[str, Any] = {"default": 0.0, "help": part.help, "unit": part.unit, "low": part.low, "high": part.high}
    plain: dict[str, Any] = {"above": None, "log": False, "choices": None, "ablation": False, "tries": ()}
    return Field(path, "float", **facts, **plain, source="", group=group, structural=False)
