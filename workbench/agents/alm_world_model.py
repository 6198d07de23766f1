"""ALM's latent model as a world model that planners and analyses can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor

from workbench.models.gaussian import Gaussian
from workbench.models.world_model import LatentModel

if TYPE_CHECKING:
    from workbench.agents.alm import AlignedLatentModel


class AlmWorldModel(LatentModel):
    """View of an agent's current networks: no copy, so it follows training."""

    def __init__(self, agent: AlignedLatentModel) -> None:
        self.agent = agent
        decoder = {"decode"} if agent.settings.reconstruction else set()
        self.offers = frozenset({"value", "policy", "gradient", "distribution"} | decoder)
        self.latent_size = agent.latent_size
        self.action_size = agent.facts.action_size
        self.noise_size = self.latent_size

    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Online encoder's latent [..., latent]; it does not filter, so ``previous`` is not used."""
        return _sample(self.agent.encode(self.agent.encoder, observation), noise)

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """m(z' | z, a) [..., latent]."""
        return _sample(self.agent.predict(latent, action), noise)

    def encode_distribution(self, observation: Tensor) -> Gaussian:
        """Online encoder's e(z | s), mean and std [..., latent]."""
        return self.agent.encode(self.agent.encoder, observation)

    def predict_distribution(self, latent: Tensor, action: Tensor) -> Gaussian:
        """m(z' | z, a), mean and std [..., latent]."""
        return self.agent.predict(latent, action)

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """r_theta(z, a) [...]."""
        return self.agent.predicted_reward(latent, action)

    def value(self, latent: Tensor) -> Tensor:
        """Q(z, pi(z)) [...], the smaller of the critics."""
        return self.agent.value(self.agent.critic, latent, self.agent.policy(latent))

    def policy(self, latent: Tensor) -> Tensor:
        """Mean action [..., action]."""
        return self.agent.policy(latent)

    def decode(self, latent: Tensor) -> Tensor:
        """The decoder's observation [..., *shape]; only where the encoder is trained by reconstruction."""
        if not self.agent.settings.reconstruction:
            return super().decode(latent)
        return cast(Tensor, self.agent.decoder(latent).unflatten(-1, self.agent.facts.observation_shape))


def _sample(distribution: Gaussian, noise: Tensor | None) -> Tensor:
    return distribution.mean if noise is None else distribution.sample(noise)
