"""The run that is being put together: what was typed, what is wrong with it, and what it would start.

One draft is shared by the panels that show it. Every change is remembered at once, so that it survives a kill.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from ui.context import Context
from workbench.analysis.configuration import label as label
from workbench.environments.catalog import find_task
from workbench.presets import PresetError, as_command, read_presets
from workbench.registry import UnknownName
from workbench.settings import Field, Settings, SettingsError, chosen, fields_of
from workbench.spec import EngineSettings, RunSpec, agent_settings, check_seeds, new_spec

PREFERENCE = "draft"
#: the draft's own fields, beside the settings
OWN = ("agent", "environment", "seeds", "device")
_OPTIONS = {"--agent": "agent", "--env": "environment", "--seeds": "seeds", "--device": "device"}


class Draft(QObject):
    """Texts by dotted path over a preset. ``changed`` is emitted after every change, checks included.

    What was typed for another agent, or for another choice among several settings, is kept for when that is chosen
    again, and counts for nothing meanwhile.
    """

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.presets, damaged = read_presets()
        for name, error in damaged.items():
            words = f"The preset {name} cannot be used and is left out; the others are fine. {error}."
            context.notices.add("warn", words)
        if not self.presets:
            raise PresetError("there is no preset that can be used; install Foresight again to have them back")
        self.preset = next(iter(self.presets.values()))
        self.origin = ""  # "Copied from run 39", or empty
        self.texts: dict[str, str] = {}  # what differs from the preset, as typed
        self._environment_problem = ("", "")  # (environment, what making it in another thread found)
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
        """Every settings field of the chosen agent, and of what is chosen among several settings; then the engine's."""
        own = self._settings()
        return [*fields_of(type(own), own), *fields_of(EngineSettings, prefix="engine.")]

    def _settings(self) -> Settings:
        """Defaults of the chosen agent, with the planner or whatever else is chosen in the form."""
        try:
            own = agent_settings(self.text("agent"))
        except (UnknownName, ImportError):
            own = agent_settings(self.preset.agent)
        return chosen(own, {**self._base_values(), **self.texts})

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
        return [(path, self.base_text(path), self.texts[path]) for path in self._order() if path in self.texts]

    def _order(self) -> list[str]:
        """The paths that mean something now: the draft's own, options of the environment, every field."""
        options = [path for path in self.texts if path.startswith("environment.")]
        return [*OWN, *options, *(field.path for field in self.fields())]

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong, by path."""
        return self._problems

    @property
    def spec(self) -> RunSpec | None:
        """What Start would start; None while something is wrong."""
        return None if self._problems else self._spec

    def command(self) -> list[tuple[str, str]]:
        """What Start would do, as parts of a command, each with the path of its field or ``""``.

        While something is wrong it is what was typed, the wrong parts included.
        """
        words = shlex.split(as_command(self.spec)) if self.spec is not None else self._typed_command()
        parts = [(" ".join(words[:2]), "")]
        for option, value in zip(words[2::2], words[3::2], strict=True):
            path = value.partition("=")[0] if option == "--set" else _OPTIONS.get(option, "")
            parts.append((f"{option} {shlex.quote(value)}", path))
        return parts

    def _typed_command(self) -> list[str]:
        words = ["foresight", "train", "--preset", self.preset.name]
        for option, path in _OPTIONS.items():
            if path in self.texts or path in ("seeds", "device"):
                words += [option, self.text(path)]
        told = [field.path for field in self.fields() if field.path in {*self.texts, *self._problems}]
        for path in told:
            words += ["--set", f"{path}={self.text(path)}"]
        return words

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
        if environment == self.text("environment") and (environment, sentence) != self._environment_problem:
            self._environment_problem = (environment, sentence)
            self._update()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _base_values(self) -> dict[str, Any]:
        """The preset's values for the chosen agent and environment, and for what is chosen among several settings."""
        agent, environment = self.text("agent"), self.text("environment")
        try:
            choices = [field.path for field in fields_of(agent_settings(agent)) if field.kind == "choice"]
        except (UnknownName, ImportError):
            choices = []
        taken = {path: self.texts[path] for path in choices if path in self.texts}
        key = (self.preset.name, agent, environment, *taken.items())
        if getattr(self, "_base_key", None) != key:
            try:
                usual = self.preset.spec(agent=agent, environment=environment).flat()
                spec = self.preset.spec(taken, agent=agent, environment=environment) if taken else None
            except (SettingsError, UnknownName, ImportError):
                usual, spec = self._default_values(agent, environment), None
            changed = {} if spec is None else spec.flat()
            self._base_key, self._base = key, {**(changed or usual), **{path: usual.get(path) for path in taken}}
        return self._base

    def _default_values(self, agent: str, environment: str) -> dict[str, Any]:
        """Where a preset means nothing to an agent: the agent's own defaults, or for none the preset's."""
        try:
            return new_spec(agent, environment).flat()
        except (SettingsError, UnknownName, ImportError):
            return self.preset.spec().flat()

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
        elif self._environment_problem[0] == environment and self._environment_problem[1]:
            self._problems["environment"] = self._environment_problem[1]
        order = self._order()
        values = {path: value for path, value in self._base_values().items() if path not in OWN}
        values.update({path: self.texts[path] for path in order if path in self.texts and path not in OWN})
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
        self._problems = {path: self._problems[path] for path in sorted(self._problems, key=_places(order))}

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
        if not isinstance(stored, dict) or not isinstance(stored.get("texts", {}), dict):
            stored = {}
        self.preset = self.presets.get(str(stored.get("preset")), self.presets.get("alm-quick", self.preset))
        self.origin = str(stored.get("origin", ""))
        self.texts = {str(path): str(text) for path, text in stored.get("texts", {}).items()}
        self._check()


def _places(order: list[str]) -> Callable[[str], int]:
    """A sorting key: the place in ``order``, what is not in it last."""
    return lambda path: order.index(path) if path in order else len(order)


def as_text(value: Any) -> str:
    """A settings value as one types it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


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
