"""Colours, fonts, icons and the series palette, for the dark and the light theme.

Tokens say what a colour is for. A change of theme emits :attr:`Theme.changed`; whoever painted something asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPen, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

ASSETS = Path(__file__).parents[1] / "assets"

Mode = Literal["dark", "light", "system"]

_TOKENS: dict[str, tuple[str, str]] = {  # role: (dark, light)
    "canvas": ("#0D0F12", "#E6E8EC"),  # behind and between panels
    "panel": ("#15181D", "#FFFFFF"),
    "raised": ("#1C2027", "#F4F5F8"),  # fields, secondary buttons, command boxes
    "hover": ("#242932", "#ECEEF3"),
    "select": ("#25294A", "#E6E7FD"),
    "overlay": ("#20252D", "#FFFFFF"),  # menus, tooltips, read-outs
    "line": ("#262B34", "#DCDFE5"),
    "grid": ("#232830", "#ECEEF2"),
    "ctl": ("#3D4552", "#B3BAC6"),  # edges of buttons, chips, menus
    "field": ("#626C7D", "#8A93A2"),  # edge of anything one can type in
    "text": ("#E7EAF0", "#171A21"),
    "text2": ("#A6AEBC", "#4E5767"),  # labels and help
    "text3": ("#8C96A6", "#5F6879"),  # hints, units, counts
    "accent": ("#9A9DFF", "#4A4ED6"),
    "fill": ("#595EE0", "#5055DB"),
    "on": ("#FFFFFF", "#FFFFFF"),  # text on fill
    "ok": ("#45C486", "#127A3E"),
    "warn": ("#E3B352", "#8A5A00"),
    "bad": ("#F4807F", "#C02F2B"),
    "ok_ground": ("#15291F", "#E5F4EB"),
    "warn_ground": ("#2C2515", "#FBF1DC"),
    "bad_ground": ("#331C1E", "#FCE9E8"),
    "accent_ground": ("#20233D", "#ECEDFD"),
}

# Okabe and Ito's palette, spread in lightness for each ground so that red-green blindness keeps the series apart.
_SERIES = (  # (dark line, dark words, light line, light words, dash, symbol)
    ("#6BB2FA", "#6BB2FA", "#00429C", "#00429C", None, "o"),
    ("#E06433", "#EA7145", "#D9691A", "#B04D0A", (7, 4), "s"),
    ("#3AD792", "#3AD792", "#057C53", "#057C53", (2, 3), "t1"),
    ("#CC6E9E", "#D67DAB", "#BC68A8", "#A04C8C", (9, 3, 2, 3), "d"),
    ("#FAE15D", "#FAE15D", "#483702", "#483702", (14, 4), "t"),
    ("#4A7EF8", "#6C97FA", "#318DEA", "#1666BA", (5, 2, 5, 2, 1, 2), "+"),
    ("#DAE4F5", "#DAE4F5", "#41485E", "#41485E", None, "x"),
)


def token_names() -> tuple[str, ...]:
    """Every token."""
    return tuple(_TOKENS)


@dataclass(frozen=True)
class SeriesStyle:
    """How a series looks: ``line`` for strokes, ``words`` for text in its colour, ``dash`` in px or None, a symbol."""

    line: QColor
    words: QColor
    dash: tuple[int, ...] | None
    symbol: str

    def pen(self, alpha: float = 1.0, width: float = 1.0) -> QPen:
        """A cosmetic pen; live plots keep width 1, since wider pens are many times slower."""
        colour = QColor(self.line)
        colour.setAlphaF(alpha)
        pen = QPen(colour, width)
        pen.setCosmetic(True)
        if self.dash is not None:
            pen.setDashPattern([part / width for part in self.dash])
        return pen


class Theme(QObject):
    """The look of the application; one object for all panels."""

    changed = Signal()

    def __init__(self, mode: Mode = "system", scale: float = 1.0) -> None:
        super().__init__()
        self._mode: Mode = mode
        self._scale = scale
        self._icons: dict[tuple[str, str, int, bool], QIcon] = {}
        self._files = QTemporaryDir()
        self.sans = _family("Inter", QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family())
        self.mono = _family("JetBrains Mono", QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family())
        self.serif = _family("STIXGeneral", "DejaVu Serif")

    # ---- what is shown ----------------------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        """dark, light, or as the system says."""
        return self._mode

    @property
    def scale(self) -> float:
        """Size of all text, 0.9 to 1.5."""
        return self._scale

    @property
    def dark(self) -> bool:
        """Whether the dark colours are in use; a system that does not tell gets dark."""
        if self._mode == "system":
            return QGuiApplication.styleHints().colorScheme() is not Qt.ColorScheme.Light
        return self._mode == "dark"

    def set_mode(self, mode: Mode) -> None:
        """Change the colours."""
        self._mode = mode
        self._icons.clear()
        self.apply()
        self.changed.emit()

    def set_scale(self, scale: float) -> None:
        """Change the size of all text."""
        self._scale = min(max(scale, 0.9), 1.5)
        self.apply()
        self.changed.emit()

    # ---- parts ------------------------------------------------------------------------------------------------------

    def color(self, token: str, alpha: float | None = None) -> QColor:
        """The colour of a token, such as ``panel``, ``text2`` or ``bad``."""
        colour = QColor(_TOKENS[token][0 if self.dark else 1])
        if alpha is not None:
            colour.setAlphaF(alpha)
        return colour

    def hex(self, token: str) -> str:
        """The colour of a token as ``#rrggbb``."""
        return _TOKENS[token][0 if self.dark else 1]

    def series(self, number: int) -> SeriesStyle:
        """The look of series ``number`` (from 0); numbers beyond the palette begin again."""
        dark_line, dark_words, light_line, light_words, dash, symbol = _SERIES[number % len(_SERIES)]
        line, words = (dark_line, dark_words) if self.dark else (light_line, light_words)
        return SeriesStyle(QColor(line), QColor(words), dash, symbol)

    def font(self, size: int = 12, weight: int = 400, *, mono: bool = False, italic_serif: bool = False) -> QFont:
        """A font of ``size`` px at scale 100 %, with figures of equal width."""
        font = QFont(self.serif if italic_serif else self.mono if mono else self.sans)
        font.setPixelSize(max(8, round(size * self._scale)))
        font.setWeight(QFont.Weight(weight))
        font.setItalic(italic_serif)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def px(self, length: int) -> int:
        """A length that grows with the text."""
        return round(length * self._scale)

    def icon(self, name: str, token: str = "text2", size: int = 16, *, filled: bool = False) -> QIcon:
        """``assets/icons/NAME.svg`` in a token's colour."""
        key = (name, token, size, filled)
        if key not in self._icons:
            svg = (ASSETS / "icons" / f"{name}.svg").read_text(encoding="utf-8")
            svg = svg.replace("currentColor", self.hex(token))
            if filled:
                svg = svg.replace('fill="none"', f'fill="{self.hex(token)}"')
            ratio = 2
            pixmap = QPixmap(size * ratio, size * ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size * ratio, size * ratio))
            painter.end()
            pixmap.setDevicePixelRatio(ratio)
            self._icons[key] = QIcon(pixmap)
        return self._icons[key]

    def icon_files(self) -> dict[str, str]:
        """Paths of the icons that the style sheet needs as files, in the present colours."""
        files = {}
        for name, icon, token in (("down", "down", "text2"), ("up", "up", "text2"), ("check", "check", "on")):
            path = Path(self._files.path()) / f"{name}-{self.hex(token).lstrip('#')}.png"
            if not path.exists():
                self.icon(icon, token, 16).pixmap(32, 32).save(str(path))
            files[name] = path.as_posix()
        return files

    def apply(self) -> None:
        """Give the whole application palette, font and style sheet."""
        from ui.stylesheet import style_sheet

        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        application.setStyleSheet("")  # taken away first, the next one costs a third of the time
        application.setPalette(self._palette())
        application.setFont(self.font(12))
        application.setStyleSheet(style_sheet(self))

    def _palette(self) -> QPalette:
        roles = {
            QPalette.ColorRole.Window: "panel",
            QPalette.ColorRole.WindowText: "text",
            QPalette.ColorRole.Base: "panel",
            QPalette.ColorRole.AlternateBase: "panel",
            QPalette.ColorRole.Text: "text",
            QPalette.ColorRole.Button: "raised",
            QPalette.ColorRole.ButtonText: "text",
            QPalette.ColorRole.Highlight: "fill",
            QPalette.ColorRole.HighlightedText: "on",
            QPalette.ColorRole.PlaceholderText: "text3",
            QPalette.ColorRole.ToolTipBase: "overlay",
            QPalette.ColorRole.ToolTipText: "text",
            QPalette.ColorRole.Link: "accent",
        }
        palette = QPalette()
        for role, token in roles.items():
            palette.setColor(role, self.color(token))
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text3"))
        return palette


def load_fonts() -> None:
    """Make the bundled fonts known; a missing file only means the system's font."""
    for path in sorted((ASSETS / "fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(path))


def _family(wanted: str, fallback: str) -> str:
    return wanted if wanted in QFontDatabase.families() else fallback
