"""The protocol of every model that can be planned with.

Tensors are batch-first and a latent is one flat tensor [..., latent_size], whatever it is made of inside.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from workbench.models.gaussian import Gaussian

#: beside its methods of these names: "gradient" says that all can be differentiated, "filter" that ``encode`` needs
#: ``previous``, "distribution" that encoder and model are Gaussian and say so
OFFERS = frozenset(
    {"value", "policy", "decode", "uncertainty", "continuation", "gradient", "filter", "distribution"}
)


class NotOffered(NotImplementedError):
    """A model was asked for something that its ``offers`` does not list."""


@runtime_checkable
class WorldModel(Protocol):
    """What a planner needs; ``offers`` lists the members of :data:`OFFERS` that a model has beside these."""

    latent_size: int
    action_size: int
    noise_size: int
    offers: frozenset[str]

    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Latent [..., latent_size] of observations; ``previous`` is a (latent, action) pair for filtering models.

        ``noise``: standard normal [..., latent_size]; None gives the mean.
        """
        ...

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """Next latent; ``noise`` standard normal [..., noise_size], None gives the mean."""
        ...

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """Reward [...] of the transition."""
        ...


@runtime_checkable
class RollingModel(WorldModel, Protocol):
    """A model that rolls whole sequences out at once; with gradient where it offers one."""

    def rollout(self, latent: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents [N, H + 1, latent], rewards [N, H], and whether each step is reached, 0 or 1 [N, H + 1].

        ``latent`` [latent] is where all of the sequences ``actions`` [N, H, action] start.
        """
        ...


class LatentModel:
    """Base of world models: refuses, in words, what a model does not offer."""

    offers: frozenset[str] = frozenset()

    def value(self, latent: Tensor) -> Tensor:
        """Value [...] of the current policy."""
        raise self._refusal("value")

    def policy(self, latent: Tensor) -> Tensor:
        """The policy's mean action [..., action_size]."""
        raise self._refusal("policy")

    def decode(self, latent: Tensor) -> Tensor:
        """Observation [...] that the latent stands for."""
        raise self._refusal("decode")

    def uncertainty(self, latent: Tensor, action: Tensor) -> Tensor:
        """Epistemic uncertainty [...] of the prediction."""
        raise self._refusal("uncertainty")

    def continuation(self, next_latent: Tensor) -> Tensor:
        """Probability [...] that the episode goes on."""
        raise self._refusal("continuation")

    def encode_distribution(self, observation: Tensor) -> Gaussian:
        """e(z | s) of observations, mean and std [..., latent_size]; ``encode`` without noise gives its mean."""
        raise self._refusal("distribution")

    def predict_distribution(self, latent: Tensor, action: Tensor) -> Gaussian:
        """m(z' | z, a), mean and std [..., latent_size]; ``predict`` without noise gives its mean."""
        raise self._refusal("distribution")

    def _refusal(self, what: str) -> NotOffered:
        has = ", ".join(sorted(self.offers)) or "nothing else"
        return NotOffered(f"{type(self).__name__} has no {what}; beside encode, predict and reward it offers {has}")
