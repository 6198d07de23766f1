"""An equation painted term by term: what a variant leaves out is struck through, what it puts in stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ui.controls.labels import Label
from ui.guard import guarded
from ui.theme import Theme
from workbench.equations import Equation, Glyphs, ShownAs, glyphs, spoken

#: px at text scale 100 %: the largest at which the equation fits into one line, else the last one
SIZES, SMALLER = (16, 15, 14), 0.68
#: how far raised and lowered signs move, in sizes
_SHIFTS = {"line": 0.0, "above": -0.38, "below": 0.24}
_LINE_HEIGHT = 1.75


@dataclass(frozen=True)
class _Run:
    """Glyphs of one style: text, font, how far below the line, advance."""

    text: str
    font: QFont
    drop: float
    width: float


@dataclass(frozen=True)
class _Term:
    """A term ready to paint."""

    runs: tuple[_Run, ...]
    shown: ShownAs

    @property
    def width(self) -> float:
        return sum(run.width for run in self.runs)


class EquationView(QWidget):
    """The terms in one line, or in as many as the width makes necessary; its name says them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: Sequence[tuple[str, ShownAs]] = ()
        self._size = SIZES[0]
        self._terms: list[_Term] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._measure)

    def show_terms(self, terms: Sequence[tuple[str, ShownAs]]) -> None:
        """Texts in the notation of ``workbench.equations``, each kept, gone or new."""
        self._shown = terms
        said = "".join(spoken(text) for text, shown in terms if shown != "gone")
        gone = ", ".join(spoken(text).strip() for text, shown in terms if shown == "gone")
        self.setAccessibleName(said.strip() + (f"; left out: {gone}" if gone else ""))
        self._measure()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: as high as the lines that the width makes necessary."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._measure()

    def _line_height(self) -> float:
        return self._theme.px(self._size) * _LINE_HEIGHT

    def _measure(self) -> None:
        for self._size in SIZES:
            self._terms = [_Term(tuple(self._runs(text)), shown) for text, shown in self._shown]
            if sum(term.width for term in self._terms) <= self.width():
                break
        self.setFixedHeight(round(len(self._lines(self.width())) * self._line_height()))
        self.update()

    def _runs(self, text: str) -> list[_Run]:
        runs = []
        for (italic, level), group in groupby(glyphs(text), key=_style):
            font = self._theme.font(round(self._size * (1.0 if level == "line" else SMALLER)), italic_serif=True)
            font.setItalic(italic)
            words = "".join(each.text for each in group)
            width = QFontMetricsF(font).horizontalAdvance(words)
            runs.append(_Run(words, font, _SHIFTS[level] * self._theme.px(self._size), width))
        return runs

    def _lines(self, width: float) -> list[list[_Term]]:
        lines: list[list[_Term]] = [[]]
        used = 0.0
        for term in self._terms:
            if lines[-1] and used + term.width > width:
                lines.append([])
                used = self._theme.px(self._size)
            lines[-1].append(term)
            used += term.width
        return lines

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, line in enumerate(self._lines(self.width())):
            x = float(self._theme.px(self._size)) if number else 0.0
            y = (number + 0.66) * self._line_height()
            for term in line:
                self._paint_term(painter, term, x, y)
                x += term.width
        painter.end()

    def _paint_term(self, painter: QPainter, term: _Term, x: float, y: float) -> None:
        token = {"kept": "text", "gone": "text3", "new": "accent"}[term.shown]
        left = x
        painter.setPen(self._theme.color(token))
        for run in term.runs:
            painter.setFont(run.font)
            painter.drawText(QPointF(x, y + run.drop), run.text)
            x += run.width
        if term.shown == "gone":
            height = y - 0.3 * self._theme.px(self._size)
            painter.setPen(QPen(self._theme.color("bad"), 1.6))
            painter.drawLine(QPointF(left - 1, height), QPointF(x + 1, height))


def _style(each: Glyphs) -> tuple[bool, str]:
    return each.italic, each.level


class EquationBox(QFrame):
    """An equation's title, its source, itself, and the numbers in it."""

    def __init__(self, theme: Theme, equation: Equation) -> None:
        super().__init__()
        self.equation = equation
        self.setObjectName("box")
        self.view = EquationView(theme)
        chip = QLabel(equation.source)
        chip.setProperty("role", "chip")
        chip.setFont(theme.font(10, 500))
        self._numbers = QLabel()
        self._numbers.setTextFormat(Qt.TextFormat.RichText)
        self._theme = theme
        head = QHBoxLayout()
        head.addWidget(Label(theme, equation.title, 11, token="text2"))
        head.addStretch(1)
        head.addWidget(self._numbers)
        head.addWidget(chip)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 8, 5)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.view)

    def compare(self, base: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Show ``values`` over ``base``, both flat settings; a quiet equation hides where nothing of it differs."""
        compared = self.equation.compared(base, values)
        self.view.show_terms([(term.text, shown) for term, shown in compared])
        before = self.equation.numbers(base)
        now = self.equation.numbers(values)
        words = []
        for (symbol, _, old), (_, _, new) in zip(before, now, strict=True):
            token = "text3" if old == new else "accent"
            words.append(f'<span style="color:{self._theme.hex(token)}">{symbol} = {new}</span>')
        self._numbers.setText("&nbsp; ".join(words))
        self._numbers.setFont(self._theme.font(11))
        changed = before != now or any(shown != "kept" for _, shown in compared)
        self.setVisible(changed or not self.equation.quiet)
