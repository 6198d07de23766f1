"""Which series of the palette a run is drawn in: the same in the table, the curves and every legend, for life."""

from __future__ import annotations

from collections.abc import Iterable

from storage import RunRow
from ui.context import Context
from ui.theme import SeriesStyle


class SeriesColors:
    """Hands out series numbers as runs are first seen, older ones first, and remembers them in the preferences.

    The seeds of a group share one number. Any number of these over one context agree, because the preferences hold
    the numbers.
    """

    def __init__(self, context: Context) -> None:
        self._preferences, self._theme = context.preferences, context.theme
        self._name = f"series {context.project.folder.resolve()}"

    def index(self, row: RunRow) -> int:
        """The series number of a run's group, or of the run itself where it stands alone; from 0 without end."""
        return self.indices([row])[0]

    def indices(self, rows: Iterable[RunRow]) -> list[int]:
        """The numbers of many runs; what is new is remembered in one go."""
        wanted = list(rows)
        known: dict[str, int] = self._preferences.get(self._name, {})
        oldest_first = (series_key(row) for row in sorted(wanted, key=lambda row: row.id))
        new = [key for key in dict.fromkeys(oldest_first) if key not in known]
        if new:
            known = known | {key: number for number, key in enumerate(new, start=len(known))}
            self._preferences.set(self._name, known)
        return [known[series_key(row)] for row in wanted]

    def style(self, row: RunRow) -> SeriesStyle:
        """Colour, dash and symbol of a run in the present theme."""
        return self._theme.series(self.index(row))


def series_key(row: RunRow) -> str:
    """What shares one colour: the runs of a group, or one run."""
    return f"group {row.group_id}" if row.group_id is not None else f"run {row.id}"
