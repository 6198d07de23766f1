"""Studies: one variant after another of the same runs, each variant a group that knows its study.

Everything stands in the groups themselves, the study's definition in that of its base, so that runs that are exported
and imported bring their study along.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from storage.database import Database
from storage.errors import StateRefused, UnknownStudy
from storage.tables import Run, RunGroup

#: the kind of a group that is a variant of a study
VARIANT = "variant"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRow:
    """One variant: its group, what it changes in the base (dotted settings), and whether it is the base itself."""

    group_id: int
    name: str
    changes: dict[str, Any]
    base: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVariant:
    """A variant to be added; with ``group_id`` a group that there is already, else a new one."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    base: bool = False
    group_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """A study: its JSON definition (empty where the base was not imported with the rest) and its variants, base first.

    Every run of it has its name in `RunRow.study`, so that `RunFilter(study=name)` finds them.
    """

    name: str
    definition: dict[str, Any]
    created: float
    variants: tuple[VariantRow, ...]

    @property
    def base(self) -> VariantRow | None:
        """The variant that the others are held against."""
        return next((variant for variant in self.variants if variant.base), None)

    def variant(self, group_id: int | None) -> VariantRow | None:
        """The variant whose runs are in that group."""
        return next((variant for variant in self.variants if variant.group_id == group_id), None)


class Studies:
    """The studies of a project. Whatever changes one waits for its commit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[StudyRow, ...]:
        """Every study, the newest first."""
        with self._database.reading() as connection:
            return _studies(connection)

    def find(self, name: str) -> StudyRow:
        """The study called so. Raises UnknownStudy, naming what is near."""
        found = self.list()
        for study in found:
            if study.name == name:
                return study
        names = [study.name for study in found]
        near = get_close_matches(name, names, n=3, cutoff=0.5) or names[:5]
        hint = f"There are: {', '.join(near)}." if near else "There are no studies in this project yet."
        raise UnknownStudy(f"There is no study {name}.", "", hint)

    def create(self, name: str, definition: Mapping[str, Any], variants: Sequence[NewVariant]) -> StudyRow:
        """A new study; the runs of groups that are taken over belong to it from now on.

        Raises StateRefused when there is a study of that name, when not exactly one variant is the base, and when a
        group belongs to another study already; ValueError when the definition is not strict JSON.
        """
        json.dumps(definition, allow_nan=False)
        if not name.strip() or sum(variant.base for variant in variants) != 1:
            raise StateRefused("A study needs a name and one base.")

        def operation(connection: Connection) -> None:
            if any(study.name == name for study in _studies(connection)):
                raise StateRefused(f"There is a study {name} already.", remedy="Choose another name.")
            for variant in variants:
                _add(connection, name, variant, dict(definition) if variant.base else None)

        self._database.writer.call(operation)
        return self.find(name)

    def add(self, name: str, variants: Sequence[NewVariant]) -> StudyRow:
        """Adds variants to a study. Raises UnknownStudy, and StateRefused as `create` does."""
        self.find(name)
        if any(variant.base for variant in variants):
            raise StateRefused(f"The study {name} has its base already.")

        def operation(connection: Connection) -> None:
            for variant in variants:
                _add(connection, name, variant, None)

        self._database.writer.call(operation)
        return self.find(name)

    def define(self, name: str, definition: Mapping[str, Any]) -> None:
        """Replaces the definition. Raises UnknownStudy, StateRefused where the base is missing."""
        json.dumps(definition, allow_nan=False)
        base = self.find(name).base
        if base is None:
            raise StateRefused(f"The base of the study {name} is not in this project.")

        def operation(connection: Connection) -> None:
            info = connection.scalar(select(RunGroup.info).where(RunGroup.id == base.group_id)) or {}
            changed = update(RunGroup).where(RunGroup.id == base.group_id)
            connection.execute(changed.values(info={**info, "definition": dict(definition)}))

        self._database.writer.call(operation)


def _add(connection: Connection, study: str, variant: NewVariant, definition: dict[str, Any] | None) -> None:
    own: dict[str, Any] = {"study": study, "variant": variant.name, "changes": dict(variant.changes)}
    own |= {"base": variant.base} | ({} if definition is None else {"definition": definition})
    name = f"{study}: {variant.name}"
    if variant.group_id is None:
        values = {"uuid": str(uuid4()), "name": name, "kind": VARIANT, "created": time.time()}
        connection.execute(insert(RunGroup).values({**values, "info": own}))
        return
    wanted = select(RunGroup.kind, RunGroup.info).where(RunGroup.id == variant.group_id)
    group = connection.execute(wanted).one_or_none()
    if group is None:
        raise StateRefused(f"There is no group {variant.group_id} to take over.")
    if group.kind == VARIANT:
        raise StateRefused(f"Group {variant.group_id} belongs to the study {group.info.get('study')} already.")
    taken = update(RunGroup).where(RunGroup.id == variant.group_id)
    connection.execute(taken.values(name=name, kind=VARIANT, info={**group.info, **own}))
    connection.execute(update(Run).where(Run.group_id == variant.group_id).values(study=study))


def _studies(connection: Connection) -> tuple[StudyRow, ...]:
    columns = (RunGroup.id, RunGroup.info, RunGroup.created)
    groups = connection.execute(select(*columns).where(RunGroup.kind == VARIANT).order_by(RunGroup.id)).all()
    variants: dict[str, list[VariantRow]] = {}
    definitions: dict[str, dict[str, Any]] = {}
    created: dict[str, float] = {}
    for group_id, info, moment in groups:
        name = str(info.get("study", ""))
        row = VariantRow(
            group_id=group_id,
            name=str(info.get("variant", "")),
            changes=dict(info.get("changes") or {}),
            base=bool(info.get("base")),
        )
        variants.setdefault(name, []).append(row)
        created[name] = max(moment, created.get(name, 0.0))
        definitions.setdefault(name, {}).update(info.get("definition") or {})
    rows = [
        StudyRow(
            name=name,
            definition=definitions[name],
            created=created[name],
            variants=tuple(sorted(found, key=lambda variant: not variant.base)),
        )
        for name, found in variants.items()
    ]
    return tuple(sorted(rows, key=lambda study: -study.created))
