"""What one run is: agent, environment, settings, seeds and budget, as JSON with a version and a content hash.

Fields are addressed by one set of dotted paths in forms, flags, JSON and diffs: an agent's own field by its name
(``rollout_length``), the engine's by ``engine.NAME``, an environment's constructor option by ``environment.NAME``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from workbench import settings as st
from workbench.equations import Equation
from workbench.registry import BrokenEntry, registry
from workbench.settings import Problem, Settings, SettingsError, setting

VERSION = 1

#: what a Q-bias may be: the authors' code, and their paper's figures
RETURN_MINUS_ESTIMATE, ESTIMATE_MINUS_RETURN = "return-minus-estimate", "estimate-minus-return"
BIAS_SIGNS = (RETURN_MINUS_ESTIMATE, ESTIMATE_MINUS_RETURN)
PER_STATE, MEAN = "per_state", "mean"
BIAS_NORMALISERS = (PER_STATE, MEAN)
CUT, BOOTSTRAP = "cut", "bootstrap"
BIAS_AT_TIME_LIMIT = (CUT, BOOTSTRAP)
#: ``auto`` is on for CUDA
SWITCH = ("auto", "on", "off")


@dataclass(frozen=True)
class EngineSettings(Settings):
    """How a run is driven and recorded; only ``precision`` and ``overlap`` change what the agent learns."""

    name: ClassVar[str] = "engine"

    evaluation_interval: int = setting(
        5000, help="Environment steps between two evaluations, counted from the end of warm-up.", unit="steps", low=1
    )
    evaluation_episodes: int = setting(5, help="Episodes per evaluation, on their own random stream.", low=1, high=1000)
    log_interval: int = setting(
        500, help="Updates between two logged points of every loss; each point is the mean since the last.", low=1
    )
    checkpoint_seconds: float = setting(60.0, help="Longest time between two resume points.", unit="s", above=0.0)
    snapshot_percent: float = setting(
        5.0, help="A snapshot of the networks every this many percent of the budget.", unit="%", above=0.0, high=100.0
    )
    keep_snapshots: bool = setting(True, help="Keep every snapshot; otherwise only the last and the best.")
    record_evaluations: bool = setting(True, help="Keep the first episode of each evaluation for replaying.")
    record_plans: int = setting(
        50, help="Of a recorded evaluation, keep the plans of every so many-th decision; 0: none.", low=0
    )
    bias_interval: int = setting(
        0,
        help="Environment steps between two measurements of Q-bias, counted from the end of warm-up; 0: none.",
        unit="steps",
        low=0,
        source="Fig. 4, 8",
    )
    bias_states: int = setting(
        1000, help="Q-bias: at least this many states, of complete episodes on their own random stream.", low=1
    )
    bias_first_steps: int = setting(
        350, help="Q-bias: only states of the first steps of each episode count.", unit="steps", low=1
    )
    bias_at_time_limit: str = setting(
        CUT,
        help="Q-bias: what follows a time limit is left out of the return (cut) or is the critic's value (bootstrap).",
        choices=BIAS_AT_TIME_LIMIT,
    )
    bias_sign: str = setting(
        RETURN_MINUS_ESTIMATE,
        help="Q-bias: which way the difference is taken (the code's, or the paper's: estimate minus return).",
        choices=BIAS_SIGNS,
        source="App. E",
    )
    bias_normaliser: str = setting(
        PER_STATE,
        help="Q-bias: divided by each state's |return|, at least 10 (code), or by the mean |return| (paper).",
        choices=BIAS_NORMALISERS,
        source="App. E",
    )
    threads: int = setting(1, help="Intra-op CPU threads of this run's worker.", low=1, high=256)
    matmul: str = setting(
        "auto",
        help="CPU matrix products: the fastest library that passes the fp32 error test (auto), or torch's own.",
        choices=("auto", "torch"),
    )
    replay_device: str = setting(
        "auto",
        help="Where the replay lies: with the agent if it fits in a quarter of that memory (auto), or in main memory.",
        choices=("auto", "cpu"),
    )
    lockstep: str = setting(
        "auto",
        help="Seeds that are queued together advance in lockstep and update at once; auto: on a GPU, where it pays.",
        choices=SWITCH,
    )
    overlap: str = setting(
        "auto",
        help="Updates come before the step that was chosen, so that a GPU works while the simulator does; auto: on a "
        "GPU. Off is the authors' order. It changes what the agent learns from by one transition.",
        choices=SWITCH,
    )
    precision: str = setting(
        "auto",
        help="Arithmetic of the networks. auto: fp32 on a CPU, TF32 products on a GPU. bf16: products by autocast.",
        choices=("auto", "fp32", "tf32", "bf16"),
    )
    acceleration: str = setting(
        "auto",
        help="How updates are computed: operator by operator (eager), compiled by torch (compile; minutes at first), "
        "or as one captured CUDA graph (graph). auto: graph on a GPU, eager on a CPU.",
        choices=("auto", "eager", "compile", "graph"),
    )


@dataclass(frozen=True)
class AgentSettings(Settings):
    """The fields that every agent shares; an agent's own settings derive from this."""

    #: what the agent optimises, term by term, for whoever shows which of it the ablations leave out
    equations: ClassVar[tuple[Equation, ...]] = ()
    #: whether ``updates_per_step`` gradient updates follow each environment step after the warm-up
    updates_every_step: ClassVar[bool] = True

    total_steps: int = setting(
        500_000, help="Budget: environment steps in total, warm-up included.", unit="steps", low=1, group="Budget"
    )
    warm_up_steps: int = setting(
        5000, help="Uniformly random environment steps before learning starts.", unit="steps", low=0, group="Budget"
    )
    updates_per_step: int = setting(
        1, help="Gradient updates after each environment step.", low=1, high=100, group="Budget"
    )
    batch_size: int = setting(
        256, help="Transitions or windows per update.", low=2, high=65536, log=True, group="Learning"
    )
    discount: float = setting(0.99, help="Weight of a reward one step later.", low=0.0, high=1.0, group="Learning")
    replay_capacity: int = setting(
        100_000, help="Transitions that the replay holds.", low=100, log=True, group="Learning", structural=True
    )
    rescale_actions: bool = setting(
        True, help="The agent acts in [-1, 1], mapped onto the environment's bounds.", group="Acting", structural=True
    )
    observation_noise: float = setting(
        0.0,
        help="Standard deviation of normal noise on every observation, in training and evaluation (released code).",
        low=0.0,
        high=100.0,
        ablation=True,
        tries=(0.001, 0.01, 0.1, 1.0),
        group="Task",
        source="ALM, Fig. 17",
    )
    dynamics_noise: float = setting(
        0.0,
        help="Standard deviation of normal noise on positions and velocities after every step (the paper's text).",
        low=0.0,
        high=100.0,
        ablation=True,
        tries=(0.001, 0.01, 0.1, 1.0),
        group="Task",
        source="ALM, Fig. 17",
    )

    def check(self) -> Iterator[Problem]:
        """The warm-up must leave something of the budget."""
        if self.warm_up_steps >= self.total_steps:
            total = f"total_steps ({self.total_steps})"
            yield Problem("warm_up_steps", f"{self.warm_up_steps} leaves nothing to learn; expected less than {total}")

    def fits(self, environment: str) -> Iterator[Problem]:
        """Yield what cannot be in ``environment``; by default everything can."""
        yield from ()


def agent_settings(agent: str) -> type[AgentSettings]:
    """The settings class of the agent called so. Raises UnknownName, BrokenEntry."""
    entry = registry("agent").find(agent)
    settings = entry.load_settings()
    if not issubclass(settings, AgentSettings):
        raise BrokenEntry(f"{entry.settings} must derive from workbench.spec.AgentSettings")
    return settings


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides a run. Several seeds make one run per seed in one group."""

    agent: str
    environment: str
    settings: AgentSettings
    engine: EngineSettings = field(default_factory=EngineSettings)
    environment_options: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    device: str = "auto"
    preset: str | None = None

    @property
    def total_steps(self) -> int:
        """Budget in environment steps."""
        return self.settings.total_steps

    def changed(self, values: Mapping[str, Any]) -> RunSpec:
        """A copy with dotted ``values`` (text or JSON) applied. Raises SettingsError naming every bad field."""
        engine, options, own = _split(values)
        found: list[Problem] = []
        new_settings, new_engine = self.settings, self.engine
        try:
            new_settings = st.build(type(self.settings), own, self.settings)
        except SettingsError as error:
            found.extend(error.problems)
        try:
            new_engine = st.build(EngineSettings, engine, self.engine, "engine.")
        except SettingsError as error:
            found.extend(error.problems)
        found.extend(new_settings.fits(self.environment))
        if found:
            raise SettingsError(found)
        merged = {**self.environment_options, **options}
        return replace(self, settings=new_settings, engine=new_engine, environment_options=merged)

    def flat(self) -> dict[str, Any]:
        """Every field by dotted path, for diffs and "copy as command"."""
        return {
            "agent": self.agent,
            "environment": self.environment,
            "device": self.device,
            **st.flatten(self.settings),
            **st.flatten(self.engine, "engine."),
            **{f"environment.{name}": value for name, value in self.environment_options.items()},
        }

    def to_json(self) -> dict[str, Any]:
        """The stored document; :meth:`from_json` reads it."""
        return {
            "version": VERSION,
            "agent": self.agent,
            "environment": self.environment,
            "environment_options": self.environment_options,
            "settings": st.flatten(self.settings),
            "settings_version": type(self.settings).version,
            "engine": st.flatten(self.engine),
            "engine_version": EngineSettings.version,
            "seeds": list(self.seeds),
            "total_steps": self.total_steps,
            "device": self.device,
            "preset": self.preset,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RunSpec:
        """Read a stored spec.

        Raises:
            SettingsError: it was written by a newer Foresight or its settings are not valid.
            workbench.registry.UnknownName: its agent is not installed.
        """
        try:
            return cls._read(document)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            message = f"this run's description cannot be read ({type(error).__name__}: {error})"
            raise SettingsError([Problem("spec", message)]) from None

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> RunSpec:
        if document["version"] > VERSION:
            message = f"this run's description has version {document['version']}; this Foresight reads up to {VERSION}"
            raise SettingsError([Problem("version", message)])
        settings_type = agent_settings(document["agent"])
        values = {"version": document["settings_version"], "values": document["settings"]}
        engine = {"version": document["engine_version"], "values": document["engine"]}
        return cls(
            agent=document["agent"],
            environment=document["environment"],
            settings=st.from_json(settings_type, values),
            engine=st.from_json(EngineSettings, engine),
            environment_options=dict(document["environment_options"]),
            seeds=tuple(document["seeds"]),
            device=document["device"],
            preset=document["preset"],
        )

    def content_hash(self) -> str:
        """SHA-256 over what decides the numbers, but for seed, device and budget: equal hashes, comparable runs."""
        document = {
            "agent": self.agent,
            "environment": self.environment,
            "environment_options": self.environment_options,
            "settings": {**st.flatten(self.settings), "total_steps": None},
            # Each device's own default is comparable, as each device is.
            "precision": "fp32" if self.engine.precision == "auto" else self.engine.precision,
        }
        if self.engine.overlap == "on":
            document["overlap"] = "on"
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def new_spec(
    agent: str,
    environment: str,
    values: Mapping[str, Any] | None = None,
    *,
    seeds: tuple[int, ...] = (1,),
    device: str = "auto",
    preset: str | None = None,
) -> RunSpec:
    """A spec from names and dotted values over the agent's defaults.

    Raises:
        workbench.registry.UnknownName: no such agent.
        SettingsError: a field is unknown or out of range, a seed is repeated or negative, or the device's name is odd.
    """
    settings_type = agent_settings(agent)
    found = list(check_seeds(seeds)) + list(check_device(device))
    base = RunSpec(agent, environment, settings_type(), seeds=seeds, device=device, preset=preset)
    try:
        spec = base.changed(values or {})
    except SettingsError as error:
        found += error.problems
    if found:
        raise SettingsError(found)
    return spec


def check_seeds(seeds: tuple[int, ...]) -> Iterator[Problem]:
    """Seeds are distinct whole numbers from 0 on."""
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0 or max(seeds) >= 2**63:
        given = ", ".join(map(str, seeds)) or "none"
        yield Problem("seeds", f"{given} will not do; expected distinct whole numbers from 0 on, such as 1,2,3")


def check_device(device: str) -> Iterator[Problem]:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N``; whether it exists is known only when the run starts."""
    kind, _, index = device.partition(":")
    if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and index.isdigit()):
        yield Problem("device", f"{device!r} is not a device; expected auto, cpu or cuda:0")


def _split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    engine: dict[str, Any] = {}
    options: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for path, value in values.items():
        head, _, rest = path.partition(".")
        if head == "engine":
            engine[rest] = value
        elif head == "environment" and rest:
            options[rest] = _literal(value)
        else:
            own[path] = value
    return engine, options, own


def _literal(value: Any) -> Any:
    """An environment's option typed as text: JSON where it reads as such (true, 0.2, [1, 2]), else the text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value in ("True", "False") else value)
    except json.JSONDecodeError:
        return value


