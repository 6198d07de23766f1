"""How the user arranged the run table, as it was remembered: what is of a wrong shape is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from storage.run_lines import LINE_SORT_FIELDS
from ui.preferences import Preferences
from ui.tables.run_columns import DEFAULT_COLUMNS, PLACE

_logger = logging.getLogger(__name__)

#: the preference that holds columns, widths, sorting
PREFERENCE = "runs.table"


@dataclass(frozen=True)
class TableChoices:
    """Columns in order, the run's own first; their widths in px; whether that first one stays in sight; the field and
    direction to sort by (None: as the table does by itself); whether the seeds of a group are one line."""

    columns: tuple[str, ...] = DEFAULT_COLUMNS
    widths: dict[str, int] = field(default_factory=dict)
    pinned: bool = True
    sort: tuple[str, str] | None = None
    folded: bool = True


def stored_choices(preferences: Preferences) -> TableChoices:
    """What was remembered; parts that are no such thing are ignored, and the log names them."""
    stored = preferences.get(PREFERENCE, {})
    if not isinstance(stored, dict):
        _ignore("")
        return TableChoices()
    found: dict[str, Any] = {}
    for name, value in stored.items():
        if name in _SHAPES and not _SHAPES[name](value):
            _ignore(name)
        elif name in _SHAPES:
            found[name] = value
    if "columns" in found:
        found["columns"] = ("run", *(name for name in found["columns"] if name in PLACE and name != "run"))
    if "sort" in found:
        found["sort"] = tuple(found["sort"])
    return TableChoices(**found)


def _ignore(name: str) -> None:
    what = f"{PREFERENCE}, {name}" if name else PREFERENCE
    _logger.warning("The stored preference %s is of a wrong shape and is ignored.", what)


def _is_sort(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return value[0] in LINE_SORT_FIELDS and value[1] in ("asc", "desc")


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _are_widths(value: object) -> bool:
    return isinstance(value, dict) and all(type(width) is int and 0 < width < 10_000 for width in value.values())


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


_SHAPES: dict[str, Callable[[object], bool]] = {
    "columns": _is_names,
    "widths": _are_widths,
    "pinned": _is_switch,
    "sort": _is_sort,
    "folded": _is_switch,
}
