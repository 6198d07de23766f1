"""What models of the true dynamics share: states read from an environment, and a learned model's judgement of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, cast

from torch import Tensor

from workbench.environments.wrappers import Environment
from workbench.models.world_model import LatentModel, WorldModel


class TrueDynamics(LatentModel):
    """Dynamics and rewards as the environment has them.

    Where ``judge`` is a learned model that offers a value or a policy, they are offered here too: the judge sees the
    observation that a state gives.
    """

    latent_size: int
    action_size: int
    noise_size = 0

    def __init__(self, own: frozenset[str], judge: WorldModel | None) -> None:
        self.offers = own if judge is None else own | (judge.offers & {"value", "policy"})
        self._judge = judge

    def close(self) -> None:
        """Let go of what is held open."""

    @abstractmethod
    def start(self, environment: Environment) -> Tensor:
        """The latent [latent] in which ``environment`` is now. Raises EnvironmentProblem for that of another task."""

    @abstractmethod
    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """The latent [..., latent] of observations. Raises NotOffered where they leave out a part of the state."""

    @abstractmethod
    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """The next latent [..., latent]; nothing is random."""

    @abstractmethod
    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """The reward [...] of the step from ``latent``."""

    def value(self, latent: Tensor) -> Tensor:
        """The judge's value [...]."""
        return super().value(latent) if "value" not in self.offers else self._asked("value", latent)

    def policy(self, latent: Tensor) -> Tensor:
        """The judge's mean action [..., action]."""
        return super().policy(latent) if "policy" not in self.offers else self._asked("policy", latent)

    def _asked(self, what: str, latent: Tensor) -> Tensor:
        assert self._judge is not None
        return cast(Tensor, getattr(cast(Any, self._judge), what)(self._judge.encode(self.decode(latent))))
