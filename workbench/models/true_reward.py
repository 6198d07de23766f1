"""A learned model that is paid as the environment pays: what is left of its error is that of its dynamics."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor

from workbench.models.true_dynamics import TrueDynamics
from workbench.models.world_model import LatentModel, NotOffered, WorldModel


class TrueReward(LatentModel):
    """Dynamics, value and policy of ``learned``; the reward is what ``true`` pays for the states that it decodes.

    Raises NotOffered where ``learned`` cannot decode a latent, or an observation does not tell ``true`` the whole
    state: then nothing can say what the environment would pay.
    """

    def __init__(self, learned: WorldModel, true: TrueDynamics) -> None:
        if "decode" not in learned.offers:
            raise NotOffered("its latents cannot be turned back into states that the environment would pay for")
        self._learned, self._true = cast(Any, learned), cast(Any, true)
        self.latent_size, self.action_size = learned.latent_size, learned.action_size
        self.noise_size, self.offers = learned.noise_size, learned.offers

    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """The learned model's."""
        return cast(Tensor, self._learned.encode(observation, previous, noise))

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """The learned model's."""
        return cast(Tensor, self._learned.predict(latent, action, noise))

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """What the environment pays [...] between the observations that both latents stand for."""
        before, after = (self._true.encode(self._learned.decode(each)) for each in (latent, next_latent))
        return cast(Tensor, self._true.reward(before, action, after).to(latent.dtype))

    def value(self, latent: Tensor) -> Tensor:
        """The learned model's."""
        return cast(Tensor, self._learned.value(latent))

    def policy(self, latent: Tensor) -> Tensor:
        """The learned model's."""
        return cast(Tensor, self._learned.policy(latent))

    def decode(self, latent: Tensor) -> Tensor:
        """The learned model's."""
        return cast(Tensor, self._learned.decode(latent))

    def continuation(self, next_latent: Tensor) -> Tensor:
        """The learned model's."""
        return cast(Tensor, self._learned.continuation(next_latent))
