"""Colours of heat maps: values with a sign from blue through the ground to orange, magnitudes from the ground up.

The ground is the panel's own colour in the dark, white in the light; it always means zero.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor, qRgb

from ui.theme import Theme

_SIGNED = (
    ("#2C7FC9", "#1F4E79", "#15181D", "#8A4A1C", "#F29A4B"),
    ("#0B5C9E", "#7FB2DA", "#FFFFFF", "#EBAA78", "#B54A05"),
)
_MAGNITUDE = (
    ("#15181D", "#3B2A54", "#8A3A72", "#E0705F", "#F6D18A"),
    ("#FFFFFF", "#F5D9C5", "#E79A7E", "#B2466E", "#3F1E52"),
)


def color_table(theme: Theme, *, signed: bool) -> list[int]:
    """256 colours for an indexed image; with a sign, zero lies in the middle."""
    stops = (_SIGNED if signed else _MAGNITUDE)[0 if theme.dark else 1]
    named = [QColor(stop) for stop in stops]
    colors = np.array([(color.red(), color.green(), color.blue()) for color in named], np.float64)
    at = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(at, np.arange(len(stops)), colors[:, channel]).round().astype(int) for channel in range(3)]
    return [qRgb(*map(int, rgb)) for rgb in zip(*channels, strict=True)]
