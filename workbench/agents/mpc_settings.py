"""Settings of the MPC agent; no torch, so that forms and ``list`` work before it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.cem_gradient_settings import CemGradientSettings
from workbench.planners.cem_settings import CemSettings
from workbench.planners.gradient_settings import GradientMpcSettings
from workbench.planners.ilqr_settings import IlqrSettings
from workbench.planners.mcts_settings import MctsSettings
from workbench.planners.mppi_settings import MppiSettings
from workbench.planners.random_shooting_settings import RandomShootingSettings
from workbench.settings import Problem, Settings, setting
from workbench.spec import AgentSettings

AnyPlanner = (
    CemSettings
    | MppiSettings
    | GradientMpcSettings
    | CemGradientSettings
    | IlqrSettings
    | MctsSettings
    | RandomShootingSettings
)


@dataclass(frozen=True)
class EnsembleSettings(Settings):
    """An ensemble of probabilistic networks, fitted again and again (PETS, Chua et al. 2018)."""

    name: ClassVar[str] = "ensemble"

    members: int = setting(
        5, help="Networks, each with a bootstrap of the data.", low=1, high=100, group="Model", structural=True
    )
    hidden_size: int = setting(
        200, help="Width of each hidden layer.", low=1, high=8192, log=True, group="Model", structural=True
    )
    layers: int = setting(3, help="Hidden layers.", low=1, high=20, group="Model", structural=True)
    propagation: str = setting(
        "tsinf",
        help="A particle keeps its member (tsinf), gets one anew each step (ts1), or the members' mean is rolled out.",
        choices=("tsinf", "ts1", "mean"),
        ablation=True,
        group="Model",
        source="PETS, Sec. 5.1",
    )
    particles_per_member: int = setting(
        1, help="Particles that judge a candidate, for each member.", low=1, high=1000, group="Model", source="PETS: 4"
    )
    reward: str = setting(
        "learned",
        help="The members predict the reward too, or the task's own formula is used where there is one (Pendulum).",
        choices=("learned", "known"),
        group="Model",
    )
    learning_rate: float = setting(
        1e-3, help="Adam's learning rate.", above=0.0, high=1.0, log=True, group="Fit", source="PETS"
    )
    hold_out: float = setting(
        0.2,
        help="Share of the transitions that no member learns from, to tell when to stop.",
        above=0.0,
        high=0.9,
        group="Fit",
        source="MBPO",
    )
    patience: int = setting(
        5,
        help="A fit ends after so many epochs in which no member gained 1 % on the held-out transitions.",
        unit="epochs",
        low=1,
        high=1000,
        group="Fit",
        source="MBPO",
    )
    most_epochs: int = setting(
        100, help="A fit ends after so many epochs at the latest.", unit="epochs", low=1, high=100_000, group="Fit"
    )


@dataclass(frozen=True)
class TrueModelSettings(Settings):
    """The task's true dynamics, where observations tell its state (Pendulum): nothing is learned."""

    name: ClassVar[str] = "true"


@dataclass(frozen=True)
class MpcSettings(AgentSettings):
    """Model predictive control: a planner in a model that is fitted to what was experienced (MBRL 0.5, 1.0, 1.5)."""

    name: ClassVar[str] = "mpc"
    updates_every_step: ClassVar[bool] = False

    warm_up_steps: int = setting(
        1000,
        help="Uniformly random environment steps, from which the first model is fitted.",
        unit="steps",
        low=0,
        group="Budget",
    )
    updates_per_step: int = setting(
        1,
        help="Not used by this agent: a fit makes as many updates as it takes.",
        low=1,
        high=100,
        group="Budget",
    )
    discount: float = setting(
        0.99, help="Not used by this agent: planner.discount weighs rewards.", low=0.0, high=1.0, group="Learning"
    )
    batch_size: int = setting(
        256,
        help="Transitions per update of each member.",
        low=2,
        high=65536,
        log=True,
        group="Learning",
        source="MBPO: 256; PETS: 32",
    )
    planner: AnyPlanner = setting(  # noqa: RUF009 (settings are frozen)
        CemSettings(), help="How actions are searched for.", group="Planner"
    )
    model: EnsembleSettings | TrueModelSettings = setting(  # noqa: RUF009
        EnsembleSettings(), help="What the actions are tried out in.", group="Model"
    )
    refit_interval: int = setting(
        250,
        help="Environment steps between two fits to all that was experienced; 0: one fit after warm-up (MBRL 0.5).",
        unit="steps",
        low=0,
        group="Learning",
    )
    replanning_interval: int = setting(
        1,
        help="Steps of a plan that are executed before the next is made: 1 is MPC, the horizon open loop.",
        unit="steps",
        low=1,
        high=1000,
        ablation=True,
        group="Acting",
        source="lecture notes, Algorithms 23 to 25",
    )
    exploration_std: float = setting(
        0.0,
        help="Standard deviation of noise on actions while exploring.",
        unit="half widths of the bounds",
        low=0.0,
        high=10.0,
        group="Acting",
    )

    def check(self) -> Iterator[Problem]:
        """A plan is as long as what is executed of it, and asks nothing of the model that it lacks."""
        yield from super().check()
        if self.replanning_interval > self.planner.horizon:
            horizon = f"planner.horizon ({self.planner.horizon})"
            yield Problem("replanning_interval", f"{self.replanning_interval} is more than {horizon} plans")
        lacks = "the models of this agent have no {}; expected {}"
        if self.planner.terminal_value:
            yield Problem("planner.terminal_value", lacks.format("value", "false"))
        if isinstance(self.planner, MctsSettings) and self.planner.leaf == "value":
            yield Problem("planner.leaf", lacks.format("value", "rollout"))
        if isinstance(self.planner, MctsSettings) and self.planner.prior == "policy":
            yield Problem("planner.prior", lacks.format("policy", "uniform"))
        if isinstance(self.planner, CemSettings | MppiSettings) and self.planner.policy_candidates > 0:
            yield Problem("planner.policy_candidates", lacks.format("policy", "0"))

    def fits(self, environment: str) -> Iterator[Problem]:
        """True dynamics and rewards belong to tasks whose observations tell the whole state."""
        if environment == "Pendulum-v1":
            return
        why = f"the observations of {environment} do not tell its whole state; expected"
        if isinstance(self.model, TrueModelSettings):
            yield Problem("model", f"'true' is for Pendulum-v1 alone, because {why} ensemble")
        elif self.model.reward == "known":
            yield Problem("model.reward", f"'known' is for Pendulum-v1 alone, because {why} learned")
