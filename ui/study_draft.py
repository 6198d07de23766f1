"""The study that is being put together: its base, what is ticked, how that is combined; remembered at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from ui.context import Context
from ui.draft import as_text, known_name, sentence
from workbench.analysis.configuration import label
from workbench.engine.study_plan import (
    LeftOut,
    StudyPlan,
    Variant,
    ablation_fields,
    all_pairs,
    all_together,
    each_alone,
    fitting,
    parse_values,
    tries,
)
from workbench.engine.study_presets import StudyPreset, load_study_presets
from workbench.presets import Preset, load_presets
from workbench.registry import UnknownName
from workbench.settings import Field, SettingsError
from workbench.spec import RunSpec, check_seeds

PREFERENCE = "study draft"
#: the fields beside the ablations
OWN = ("name", "environment", "seeds", "steps")
#: variants of one study; more would be a sweep, and take longer to check than a form may
MOST = 100
_WAYS = {"each": each_alone, "pairs": all_pairs}


class StudyDraft(QObject):
    """``changed`` follows every change. ``way`` is each, pairs or custom; custom variants were added one by one."""

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.presets: dict[str, Preset] = load_presets()
        self.studies: dict[str, StudyPreset] = load_study_presets()
        self.preset = self.presets["alm-quick"] if "alm-quick" in self.presets else next(iter(self.presets.values()))
        self.source = ""  # the study preset that it was filled from
        self.way = "each"
        self.ticked: dict[str, bool] = {"kl_term": True, "value_term": True, "classifier_term": True}
        self.values: dict[str, str] = {}  # typed in place of what a field names to be tried
        self.texts: dict[str, str] = {}
        self.custom: list[Variant] = []
        self._restore()
        self._check()

    # ---- reading ----------------------------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """What stands in one of the ``OWN`` fields."""
        defaults = {
            "name": self.source or "terms",
            "environment": self.preset.environment,
            "seeds": "1, 2, 3",
            "steps": str(self.preset.spec().total_steps),
        }
        return self.texts.get(name, defaults[name])

    @property
    def fields(self) -> list[Field]:
        """What can be ticked: what the agent does first, what its task does last."""
        return sorted(ablation_fields(self.base), key=lambda field: field.group == "Task")

    def values_text(self, field: Field) -> str:
        """The values that are tried for a field."""
        return self.values.get(field.path, ", ".join(as_text(value) for value in tries(field, self.base)))

    # Set by every check:
    base: RunSpec
    plan: StudyPlan | None
    variants: tuple[Variant, ...]
    left_out: tuple[LeftOut, ...]
    problems: Mapping[str, str]

    # ---- changing ---------------------------------------------------------------------------------------------------

    def use_base(self, name: str) -> None:
        """Another preset is changed; its task and budget come with it."""
        if name != self.preset.name:
            self.preset = self.presets[name]
            self.texts = {key: text for key, text in self.texts.items() if key not in ("environment", "steps")}
            self._update()

    def use_study(self, name: str) -> None:
        """Take the variants of one of the paper's studies, on the present base; an empty name takes none."""
        self.source = name
        self.way = "custom" if name else "each"
        self.custom = list(self.studies[name].variants) if name else []
        fields = {path for variant in self.custom for path in variant.changes}
        if name:
            self.ticked = dict.fromkeys(fields, True)
            self.texts.pop("name", None)
        self._update()

    def use_paper_sizes(self) -> None:
        """The base, task, seeds and budget that the paper's study is made of."""
        study = self.studies[self.source]
        spec = study.plan().base
        self.preset = self.presets[study.base]
        self.texts |= {
            "environment": study.environment,
            "seeds": ", ".join(map(str, study.seeds)),
            "steps": str(spec.total_steps),
        }
        self._update()

    def set_text(self, name: str, text: str) -> None:
        """Something was typed into one of the ``OWN`` fields."""
        self.texts[name] = text.strip()
        self._update()

    def tick(self, path: str, ticked: bool) -> None:
        """An ablation is to be tried, or not."""
        self.ticked[path] = ticked
        self._update()

    def set_values(self, path: str, text: str) -> None:
        """Which values of an ablation are to be tried."""
        self.values[path] = text.strip()
        self._update()

    def set_way(self, way: str) -> None:
        """How what is ticked is combined."""
        self.way = way
        self._update()

    def add_combination(self) -> None:
        """In the custom way: everything ticked, all at once, as further variants."""
        known = {variant.name for variant in self.custom}
        try:
            made = all_together(self.base, self._toggles())
        except SettingsError:
            return
        self.custom += [variant for variant in made if variant.name not in known]
        self._update()

    def remove_combination(self, name: str) -> None:
        """In the custom way: one variant less."""
        self.custom = [variant for variant in self.custom if variant.name != name]
        self._update()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        self._check()
        self._context.preferences.set(
            PREFERENCE,
            {
                "base": self.preset.name,
                "source": self.source,
                "way": self.way,
                "ticked": self.ticked,
                "values": self.values,
                "texts": self.texts,
                "custom": [[variant.name, dict(variant.changes)] for variant in self.custom],
            },
        )
        self.changed.emit()

    def _restore(self) -> None:
        stored = self._context.preferences.get(PREFERENCE)
        if not isinstance(stored, dict):
            return
        self.preset = self.presets.get(stored.get("base", ""), self.preset)
        source, way = str(stored.get("source", "")), str(stored.get("way", ""))
        self.source = source if source in self.studies else ""
        self.way = way if way in ("each", "pairs", "custom") else "each"
        self.ticked = {str(path): bool(on) for path, on in stored.get("ticked", {}).items()}
        self.values = {str(path): str(text) for path, text in stored.get("values", {}).items()}
        self.texts = {str(name): str(text) for name, text in stored.get("texts", {}).items() if name in OWN}
        self.custom = [Variant(str(name), dict(changes)) for name, changes in stored.get("custom", [])]

    def _toggles(self) -> dict[str, tuple[Any, ...]]:
        chosen = [field for field in self.fields if self.ticked.get(field.path)]
        return {field.path: parse_values(field, self.values_text(field), self.base) for field in chosen}

    def _check(self) -> None:
        problems: dict[str, str] = {}
        self.base = self._base(problems)
        variants: list[Variant] = []
        try:
            variants = self.custom if self.way == "custom" else _WAYS[self.way](self.base, self._toggles())
        except SettingsError as error:
            problems |= {problem.field: sentence(problem.message) for problem in error.problems}
        if len(variants) > MOST:
            problems["variants"] = f"{len(variants)} variants are too many for one study. Tick fewer, or vary less."
            variants = []
        self.variants, self.left_out = fitting(self.base, variants)
        if not self.variants and not self.source and not problems:
            more = "Add a combination." if self.way == "custom" else "Tick what is to be left out or varied."
            problems["variants"] = more
        plan = StudyPlan(self.text("name"), self.base, self.variants, self.source or None)
        try:
            plan.check()
        except SettingsError as error:
            problems |= {problem.field: sentence(problem.message) for problem in error.problems}
        if any(study.name == plan.name for study in self._context.project.studies.list()):
            problems["name"] = f"There is a study {plan.name} already. Choose another name."
        self.problems = problems
        self.plan = None if problems else plan

    def _base(self, problems: dict[str, str]) -> RunSpec:
        """The base as far as it can be read."""
        plain = self.preset.spec()
        try:
            spec = self.preset.spec(environment=known_name(self.text("environment")))
        except (SettingsError, UnknownName) as error:
            problems["environment"] = str(error)
            spec = plain
        try:
            spec = spec.changed({"total_steps": self.text("steps").replace(",", "")})
        except SettingsError as error:
            problems["steps"] = "; ".join(f"{label(each.field)}: {each.message}" for each in error.problems)
        parts = self.text("seeds").replace(",", " ").split()
        seeds = tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()
        found = list(check_seeds(seeds))
        if found:
            problems["seeds"] = "Whole numbers from 0 on, each once, such as 1, 2, 3."
            return spec
        return replace(spec, seeds=seeds)
