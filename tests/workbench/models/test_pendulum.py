"""Pendulum's equations in torch against gymnasium's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.models.pendulum import PendulumModel


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("options", [{}, {"g": 3.0}])
def test_steps_are_gymnasiums(rescale: bool, options: dict[str, Any]) -> None:
    environment = make_environment("Pendulum-v1", seed=4, rescale_actions=rescale, options=options)
    model = PendulumModel(environment)
    latent = model.start(environment)
    high: Any = environment.action_space.high  # type: ignore[attr-defined]
    for action in np.random.default_rng(0).uniform(-1.3, 1.3, (200, 1)).astype(np.float32) * high:
        if rescale:
            action = action.clip(-1.0, 1.0)  # gymnasium refuses to rescale what is outside
        following = model.predict(latent[None], torch.from_numpy(action)[None])
        paid = model.reward(latent[None], torch.from_numpy(action)[None], following)
        observation, reward, _, _, _ = environment.step(action)
        assert float(paid) == pytest.approx(float(reward), abs=1e-5)
        assert model.decode(following)[0].numpy() == pytest.approx(observation, abs=1e-4)
        assert model.start(environment).numpy() == pytest.approx(following[0].numpy(), abs=1e-5)
        latent = model.start(environment)
    environment.close()


def test_what_is_decoded_is_encoded() -> None:
    environment = make_environment("Pendulum-v1")
    model = PendulumModel(environment)
    latent = torch.tensor([[0.3, -2.0], [-3.0, 7.5]])
    assert torch.allclose(model.encode(model.decode(latent)), latent, atol=1e-6)
    environment.close()


def test_gradients_reach_the_action() -> None:
    environment = make_environment("Pendulum-v1")
    model = PendulumModel(environment)
    latent = torch.tensor([1.0, 0.5], dtype=torch.float64)
    action = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)

    def paid(torque: torch.Tensor) -> torch.Tensor:
        following = model.predict(latent, torque)
        return model.reward(latent, torque, following) + model.reward(following, torque, following)

    assert torch.autograd.gradcheck(paid, (action,))
    environment.close()


def test_another_task_is_refused() -> None:
    environment = make_environment("MountainCarContinuous-v0")
    with pytest.raises(EnvironmentProblem, match="Pendulum-v1 alone"):
        PendulumModel(environment)
    environment.close()
