"""What a world model says of what it does not have."""

from __future__ import annotations

import pytest
import torch

from workbench.models.world_model import OFFERS, LatentModel, NotOffered, WorldModel


class Bare(LatentModel):
    """Offers nothing beside the protocol's own three."""

    latent_size = action_size = 2
    noise_size = 0

    def encode(self, observation: torch.Tensor, previous: object = None, noise: object = None) -> torch.Tensor:
        return observation

    def predict(self, latent: torch.Tensor, action: torch.Tensor, noise: object = None) -> torch.Tensor:
        return latent + action

    def reward(self, latent: torch.Tensor, action: torch.Tensor, next_latent: torch.Tensor) -> torch.Tensor:
        return latent.sum(-1)


class Valued(Bare):
    offers = frozenset({"value", "policy"})


def test_the_protocol_is_checked_by_what_is_there() -> None:
    assert isinstance(Bare(), WorldModel)
    assert not isinstance(LatentModel(), WorldModel)


@pytest.mark.parametrize(("model", "has"), [(Bare(), "nothing else"), (Valued(), "policy, value")])
def test_what_is_not_offered_is_refused_in_words(model: LatentModel, has: str) -> None:
    x = torch.zeros(2)
    calls = {
        "value": lambda: model.value(x),
        "policy": lambda: model.policy(x),
        "decode": lambda: model.decode(x),
        "uncertainty": lambda: model.uncertainty(x, x),
        "continuation": lambda: model.continuation(x),
        "distribution": lambda: model.predict_distribution(x, x),
    }
    assert {*calls, "gradient", "filter"} == OFFERS
    name = type(model).__name__
    for what, call in calls.items():
        message = f"{name} has no {what}; beside encode, predict and reward it offers {has}"
        with pytest.raises(NotOffered, match=f"^{message}$"):
            call()
