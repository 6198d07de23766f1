"""The planning problem that is being put together: start state, model, planner, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from ui.context import Context
from ui.draft import as_text, sentence
from workbench.planners import PLANNERS
from workbench.planners.presets import PRESETS, planner_settings
from workbench.planners.settings import PlannerSettings
from workbench.settings import Field, SettingsError, fields_of

PREFERENCE = "plan"
RESET, EPISODE, LIVE, HAND = "reset", "episode", "live", "hand"
LEARNED, TRUE = "learned", "true"
_LARGEST_SEED = 2**31 - 1


class PlanDraft(QObject):
    """Texts by field over a planner or a preset of one; remembered at once. ``changed`` follows every change.

    ``preset`` is a name of the planners' registry or of its presets. Seeds are whole numbers from 0.
    """

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.preset = "cem"
        self.texts: dict[str, str] = {}
        self.model = LEARNED
        self.start = RESET
        self.reset_seed = 0
        self.seed = 0
        self.problems: dict[str, str] = {}
        self.settings: PlannerSettings | None = None
        self._restore()
        self._check()

    # ---- reading ----------------------------------------------------------------------------------------------------

    @staticmethod
    def offers() -> list[tuple[str, str]]:
        """(name, title) of every planner, then of every preset."""
        planners = [(name, entry.title) for name, entry in PLANNERS.entries().items()]
        return planners + [(name, preset.title) for name, preset in PRESETS.items()]

    @property
    def planner(self) -> str:
        """The name in the registry."""
        return PRESETS[self.preset].planner if self.preset in PRESETS else self.preset

    def fields(self) -> list[Field]:
        """The planner's settings in their order, those of a group together."""
        found = list(fields_of(PLANNERS.find(self.planner).load_settings()))
        groups = list(dict.fromkeys(field.group for field in found))
        return sorted(found, key=lambda field: groups.index(field.group))

    def base_text(self, path: str) -> str:
        """What the planner's defaults or the preset put there."""
        value = PRESETS[self.preset].values.get(path) if self.preset in PRESETS else None
        if value is None:
            value = next(field.default for field in self.fields() if field.path == path)
        return as_text(value)

    def text(self, path: str) -> str:
        """What stands in a field."""
        return self.texts.get(path, self.base_text(path))

    # ---- changing ---------------------------------------------------------------------------------------------------

    def set_text(self, path: str, text: str) -> None:
        """Something was typed."""
        text = text.strip()
        if text == self.text(path):
            return
        if text == self.base_text(path):
            self.texts.pop(path, None)
        else:
            self.texts[path] = text
        self._update()

    def use(self, preset: str) -> None:
        """Another planner or preset, as it is."""
        if preset != self.preset:
            self.preset, self.texts = preset, {}
            self._update()

    def reset_all(self) -> None:
        """Back to the planner's or the preset's own settings."""
        self.texts = {}
        self._update()

    def choose(self, **values: Any) -> None:
        """Another ``model``, ``start``, ``reset_seed`` or ``seed``."""
        if any(getattr(self, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self, name, value)
            self._update()

    def refuse(self, found: dict[str, str]) -> None:
        """What only the attempt showed to be wrong, by field; it stands until something is changed."""
        self.problems = {path: sentence(message) for path, message in found.items()}
        self.changed.emit()

    def check_again(self) -> None:
        """Another run or checkpoint: what an attempt showed of the last one may not hold of it."""
        self._check()
        self.changed.emit()

    def _update(self) -> None:
        self._check()
        names = ("preset", "texts", "model", "start", "reset_seed", "seed")
        self._context.preferences.set(PREFERENCE, {name: getattr(self, name) for name in names})
        self.changed.emit()

    def _check(self) -> None:
        try:
            self.settings, self.problems = planner_settings(self.preset, self.texts)[1], {}
        except SettingsError as error:
            self.settings = None
            self.problems = {problem.field: sentence(problem.message) for problem in error.problems}

    def _restore(self) -> None:
        """What was remembered, as far as it still makes sense."""
        kept = self._context.preferences.get(PREFERENCE, {})
        if not isinstance(kept, dict):
            return
        if kept.get("preset") in {name for name, _ in self.offers()}:
            self.preset = str(kept["preset"])
        texts = kept.get("texts")
        known = {field.path for field in self.fields()}
        if isinstance(texts, dict):
            self.texts = {str(path): str(text) for path, text in texts.items() if path in known}
        if kept.get("model") in (LEARNED, TRUE):
            self.model = str(kept["model"])
        if kept.get("start") in (RESET, EPISODE):  # the others are gone with the process that showed them
            self.start = str(kept["start"])
        for name in ("reset_seed", "seed"):
            if isinstance(kept.get(name), int) and 0 <= kept[name] <= _LARGEST_SEED:
                setattr(self, name, kept[name])


def field_of(found: dict[str, str], known: set[str]) -> tuple[dict[str, str], str]:
    """Problems at fields that a form shows, and the others as one sentence."""
    shown = {path: message for path, message in found.items() if path in known}
    rest = " ".join(sentence(message) for path, message in found.items() if path not in known)
    return shown, rest
