"""What users note about runs, each change with its way back: names, stars, tags, notes, the archive, the bin."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from storage import Project, RunFilter, RunRow, Runs, StorageError
from ui import format
from ui.context import Context
from ui.undo import Step

V = TypeVar("V")


class RunChanges:
    """Changes that can be undone until the project closes; a refusal becomes a notice and nothing is changed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runs = context.project.runs
        context.undo.refused.connect(lambda text: context.notices.add("bad", text))

    def rename(self, row: RunRow, name: str) -> None:
        """Call a run otherwise."""
        before = row.name
        self._do(
            f"Rename {before}",
            lambda: self._runs.rename(row.id, name),
            lambda: self._runs.rename(row.id, before),
        )

    def rename_group(self, group_id: int, name: str) -> None:
        """Call a group otherwise; its runs keep their names."""
        before = self._runs.group(group_id).name
        self._do(
            f"Rename {before}",
            lambda: self._runs.rename_group(group_id, name),
            lambda: self._runs.rename_group(group_id, before),
        )

    def star(self, rows: Sequence[RunRow]) -> None:
        """Star the runs, or take the stars away where all have one."""
        wanted = not all(row.starred for row in rows)
        before = {row.id: row.starred for row in rows}
        text = f"{'Star' if wanted else 'Unstar'} {title_of(rows, self._runs)}"
        self._set(text, self._runs.star, dict.fromkeys(before, wanted), before)

    def archive(self, rows: Sequence[RunRow]) -> None:
        """Hide the runs from the table, or show them again where all are hidden."""
        wanted = not all(row.archived for row in rows)
        before = {row.id: row.archived for row in rows}
        title = title_of(rows, self._runs)
        text = f"Archive {title}" if wanted else f"Take {title} out of the archive"
        notice = f'Archived "{title}".' if wanted else ""
        self._set(text, self._runs.archive, dict.fromkeys(before, wanted), before, notice)

    def set_tags(self, tags: Mapping[int, Iterable[str]], rows: Sequence[RunRow]) -> None:
        """Give each run its tags."""
        before = {row.id: row.tags for row in rows}
        self._set(f"Tag {title_of(rows, self._runs)}", self._runs.set_tags, tags, before)

    def set_note(self, note: str, rows: Sequence[RunRow]) -> None:
        """Give the runs a note."""
        before = {row.id: row.note for row in rows}
        title = title_of(rows, self._runs)
        self._set(f"Note on {title}", self._runs.set_note, dict.fromkeys(before, note), before)

    def delete(self, rows: Sequence[RunRow]) -> None:
        """Put ended runs into the bin, which is emptied when the project closes."""
        title = title_of(rows, self._runs)
        before = {row.id: False for row in rows}
        self._set(f"Delete {title}", self._put_in_bin, dict.fromkeys(before, True), before, f'Deleted "{title}".')

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _put_in_bin(self, run_id: int, deleted: bool) -> None:
        if deleted:
            self._runs.delete(run_id)
        else:
            self._runs.undelete(run_id)

    def _set(
        self,
        text: str,
        setter: Callable[[int, V], object],
        after: Mapping[int, V],
        before: Mapping[int, V],
        notice: str = "",
    ) -> None:
        """Give the runs the values ``after``; ``notice`` says so and offers the way back."""

        def give(values: Mapping[int, V]) -> None:
            for run_id, value in values.items():
                setter(run_id, value)

        stack = self._context.undo
        if not self._do(text, lambda: give(after), lambda: give(before)) or not notice:
            return
        change = stack.command(stack.index() - 1)

        def back() -> None:
            if stack.index() and stack.command(stack.index() - 1) is change:
                stack.undo()
            else:  # something was done since, which stays
                self._set(f"Undo: {text}", setter, before, after)

        self._context.notices.add("info", notice, "Undo", back)

    def _do(self, text: str, forth: Step, back: Step) -> bool:
        def told(step: Step) -> Step:
            def act() -> None:
                try:
                    step()
                finally:  # also after a refusal half way
                    self._drop_deleted()
                    self._context.feed.runs_changed.emit()

            return act

        try:
            self._context.undo.do(text, told(forth), told(back))
        except StorageError as error:
            self._context.notices.add("bad", str(error))
            return False
        return True

    def _drop_deleted(self) -> None:
        """What is in the bin cannot stay selected: no panel is to show it."""
        selection = self._context.selection
        if selection.runs:
            left = {row.id for row in self._runs.page(RunFilter(ids=selection.runs, archived=None))}
            selection.select(run_id for run_id in selection.runs if run_id in left)


def title_of(rows: Sequence[RunRow], runs: Runs) -> str:
    """What to call some runs: the one run's name, the group's where they are all of it, or how many they are."""
    if len(rows) == 1:
        return rows[0].name
    groups, number = {row.group_id for row in rows}, format.plural(len(rows), "run")
    only = groups.pop() if len(groups) == 1 else None
    if only is None:
        return number
    name = runs.group(only).name
    return name if len(rows) == runs.count(RunFilter(group=only, archived=None)) else f"{number} of {name}"


def empty_bin(project: Project) -> int:
    """Remove deleted runs for good, with their files; returns how many. For the moment when the project closes.

    What the storage refuses then stays in the bin for the next time.
    """
    removed = 0
    for row in project.runs.page(RunFilter(deleted=True, archived=None)) if project.writable else ():
        with contextlib.suppress(StorageError):
            project.runs.purge(row.id)
            removed += 1
    return removed
