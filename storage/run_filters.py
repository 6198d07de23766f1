"""Which runs a table shows, and in which order, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, UnaryExpression, or_, select

from storage.errors import ExpressionError
from storage.expressions import condition
from storage.run_states import RunState
from storage.tables import Run, RunGroup, RunTag

SORT_FIELDS = (
    *("id", "name", "agent", "environment", "seed", "device", "precision", "study", "preset", "status"),
    *("step", "updates", "total_steps", "latest_return", "best_return", "steps_per_second", "updates_per_second"),
    *("active_seconds", "created", "started", "ended", "heartbeat", "note", "starred", "archived"),
    *("group_id", "queue_position", "parent_step"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Every field that is given narrows the choice; by default all runs that are neither archived nor deleted.

    `ids` are the numbers of the only runs wanted; an empty sequence wants none. `text` is looked for in name, agent,
    environment, group, note and tags. `tags` must all be there. `archived`: False leaves archived runs out, True shows
    only them, None both; `deleted` likewise. `expression` is in the language of `expressions.py`.
    """

    ids: Sequence[int] | None = None
    text: str = ""
    statuses: Sequence[RunState | str] = ()
    group: int | None = None
    agent: str | None = None
    environment: str | None = None
    study: str | None = None
    tags: Sequence[str] = ()
    starred: bool | None = None
    archived: bool | None = False
    deleted: bool | None = False
    expression: str = ""

    def conditions(self, status: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """The SQL conditions, all of which must hold. Raises ExpressionError."""
        found: list[ColumnElement[bool]] = [self._contains(word) for word in self.text.split()]
        if self.ids is not None:
            found.append(Run.id.in_(self.ids))
        if self.statuses:
            found.append(status.in_([str(wanted) for wanted in self.statuses]))
        equal: dict[Any, Any] = {
            Run.group_id: self.group,
            Run.agent: self.agent,
            Run.environment: self.environment,
            Run.study: self.study,
            Run.starred: self.starred,
            Run.archived: self.archived,
        }
        found.extend(column == wanted for column, wanted in equal.items() if wanted is not None)
        found.extend(Run.id.in_(select(RunTag.run_id).where(RunTag.tag == tag)) for tag in self.tags)
        if self.deleted is not None:
            found.append(Run.deleted.is_not(None) if self.deleted else Run.deleted.is_(None))
        if self.expression.strip():
            found.append(condition(self.expression, status))
        return found

    @staticmethod
    def _contains(word: str) -> ColumnElement[bool]:
        tagged = select(RunTag.run_id).where(RunTag.tag.icontains(word, autoescape=True))
        grouped = select(RunGroup.id).where(RunGroup.name.icontains(word, autoescape=True))
        texts = (Run.name, Run.agent, Run.environment, Run.note)
        return or_(
            *(column.icontains(word, autoescape=True) for column in texts),
            Run.id.in_(tagged),
            Run.group_id.in_(grouped),
        )


def order(sort: Sequence[tuple[str, str]], status: ColumnElement[str]) -> list[UnaryExpression[Any]]:
    """The SQL order of (field, "asc" or "desc") pairs; what is unknown comes last, and newer runs first at last.

    Raises ExpressionError for a field that cannot be sorted by.
    """
    terms: list[UnaryExpression[Any]] = []
    for field, direction in sort:
        if field not in SORT_FIELDS or direction not in {"asc", "desc"}:
            raise ExpressionError(
                f"Runs cannot be sorted by {field} {direction}.", "", f"Possible are: {', '.join(SORT_FIELDS)}."
            )
        column = status if field == "status" else getattr(Run, field)
        terms.append((column.asc() if direction == "asc" else column.desc()).nulls_last())
    return [*terms, Run.id.desc()]
