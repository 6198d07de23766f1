"""The run that is being put together: what was typed, what is wrong with it, and what it would start.

One draft is shared by the panels that show it. Every change is remembered at once, so that it survives a kill.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from ui.context import Context
from workbench.environments.catalog import find_task
from workbench.presets import Preset, load_presets
from workbench.registry import UnknownName
from workbench.settings import Field, SettingsError, fields_of
from workbench.spec import EngineSettings, RunSpec, agent_settings, check_seeds, new_spec

PREFERENCE = "draft"
#: the draft's own fields, beside the settings
OWN = ("agent", "environment", "seeds", "device")


class Draft(QObject):
    """Texts by dotted path over a preset. ``changed`` is emitted after every change, checks included."""

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.presets: dict[str, Preset] = load_presets()
        self.preset = next(iter(self.presets.values()))
        self.origin = ""  # "Copied from run 39", or empty
        self.texts: dict[str, str] = {}  # what differs from the preset, as typed
        self.environment_problem = ""  # found by making the environment, in another thread
        self._problems: dict[str, str] = {}
        self._spec: RunSpec | None = None
        self._restore()

    @classmethod
    def of(cls, context: Context) -> Draft:
        """The one draft of ``context``."""
        if "draft" not in context.parts:
            context.parts["draft"] = cls(context)
        draft = context.parts["draft"]
        assert isinstance(draft, Draft)
        return draft

    # ---- reading ----------------------------------------------------------------------------------------------------

    def fields(self) -> list[Field]:
        """Every settings field of the chosen agent, then the engine's."""
        try:
            own = agent_settings(self.text("agent"))
        except (UnknownName, ImportError):
            own = agent_settings(self.preset.agent)
        return [*fields_of(own), *fields_of(EngineSettings, prefix="engine.")]

    def text(self, path: str) -> str:
        """What stands in a field."""
        return self.texts.get(path, self.base_text(path))

    def base_text(self, path: str) -> str:
        """What the preset puts there."""
        if path == "agent":
            return self.preset.agent
        if path == "environment":
            return self.preset.environment
        if path == "seeds":
            return ", ".join(map(str, self.preset.seeds))
        if path == "device":
            return "auto"
        return as_text(self._base_values().get(path))

    def differs(self, path: str) -> bool:
        """Whether the field is not as the preset has it."""
        return path in self.texts

    def differences(self) -> list[tuple[str, str, str]]:
        """(path, preset's text, own text) of every field that differs, in the form's order."""
        order = [*OWN, *(field.path for field in self.fields())]
        return [(path, self.base_text(path), self.texts[path]) for path in order if path in self.texts]

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong, by path."""
        return self._problems

    @property
    def spec(self) -> RunSpec | None:
        """What Start would start; None while something is wrong."""
        return None if self._problems else self._spec

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
        if path == "environment":
            self.environment_problem = ""
        self._update()

    def reset(self, path: str) -> None:
        """Back to the preset's value."""
        if self.texts.pop(path, None) is not None:
            self._update()

    def reset_all(self) -> None:
        """Back to the preset in everything."""
        self.texts.clear()
        self.origin = ""
        self._update()

    def use_preset(self, name: str) -> None:
        """Begin anew from a preset."""
        self.preset = self.presets[name]
        self.reset_all()

    def use_spec(self, spec: RunSpec, origin: str, seed: int | None = None) -> None:
        """Open with the settings of a run."""
        self.preset = self.presets.get(spec.preset or "", self.preset)
        self.origin = origin
        self.texts = {}
        seeds = (seed,) if seed is not None else spec.seeds
        wanted = {"seeds": ", ".join(map(str, seeds)), **{path: as_text(value) for path, value in spec.flat().items()}}
        for path in ("agent", *wanted):
            if wanted[path] != self.base_text(path):
                self.texts[path] = wanted[path]
        self._update()

    def set_environment_problem(self, environment: str, sentence: str) -> None:
        """What making ``environment`` found; ignored if another was typed meanwhile."""
        if environment == self.text("environment") and sentence != self.environment_problem:
            self.environment_problem = sentence
            self._update()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _base_values(self) -> dict[str, Any]:
        key = (self.preset.name, self.text("agent"), self.text("environment"))
        if getattr(self, "_base_key", None) != key:
            try:
                spec = self.preset.spec(agent=key[1], environment=key[2])
            except (SettingsError, UnknownName, ImportError):
                spec = self.preset.spec()
            self._base_key, self._base = key, spec.flat()
        return self._base

    def _update(self) -> None:
        self._check()
        self._context.preferences.set(
            PREFERENCE, {"preset": self.preset.name, "origin": self.origin, "texts": dict(self.texts)}
        )
        self.changed.emit()

    def _check(self) -> None:
        self._problems = {}
        self._spec = None
        seeds = self._seeds()
        try:
            agent_settings(self.text("agent"))
        except (UnknownName, ImportError) as error:
            self._problems["agent"] = str(error)
            return
        environment = self.text("environment")
        if not environment:
            self._problems["environment"] = "Choose an environment."
        elif self.environment_problem:
            self._problems["environment"] = self.environment_problem
        values = {path: value for path, value in self._base_values().items() if path not in OWN}
        values.update({path: text for path, text in self.texts.items() if path not in OWN})
        try:
            self._spec = new_spec(
                self.text("agent"),
                known_name(environment),
                values,
                seeds=seeds,
                device=self.text("device"),
                preset=self.preset.name,
            )
        except SettingsError as error:
            self._problems.update({problem.field: sentence(problem.message) for problem in error.problems})

    def _seeds(self) -> tuple[int, ...]:
        try:
            seeds = tuple(int(part) for part in self.text("seeds").replace(" ", ",").split(",") if part)
        except ValueError:
            self._problems["seeds"] = "Whole numbers separated by commas, such as 1, 2, 3."
            return (1,)
        for problem in check_seeds(seeds):
            self._problems["seeds"] = sentence(problem.message)
            return (1,)
        return seeds

    def _restore(self) -> None:
        stored = self._context.preferences.get(PREFERENCE, {})
        self.preset = self.presets.get(stored.get("preset", ""), self.presets.get("alm-quick", self.preset))
        self.origin = stored.get("origin", "")
        self.texts = {str(path): str(text) for path, text in stored.get("texts", {}).items()}
        self._check()


def as_text(value: Any) -> str:
    """A settings value as one types it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def known_name(environment: str) -> str:
    """The catalog's spelling of a task, or the id as typed."""
    try:
        return find_task(environment).name
    except ValueError:
        return environment


def sentence(message: str) -> str:
    """A message with a capital and a full stop."""
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "?")) else text + "."


def label(path: str) -> str:
    """A field's name in words."""
    name = path.rpartition(".")[2].strip("_").replace("_", " ")
    special = {"kl term": "KL term", "q action gradient": "Q action gradient", "td3": "TD3"}
    return special.get(name, name[:1].upper() + name[1:])
