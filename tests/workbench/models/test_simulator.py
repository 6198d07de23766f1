"""The true dynamics as a model: the environment's own numbers, step for step, for every task that it claims."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch

from workbench.environments.catalog import TASKS
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment
from workbench.models.pendulum import PendulumModel
from workbench.models.simulator import SimulatorModel
from workbench.models.simulator_rewards import pay_of
from workbench.models.true_model import true_model
from workbench.models.world_model import LatentModel, NotOffered, RollingModel, WorldModel

MUJOCO = [task.name for task in TASKS if task.name != "Pendulum-v1"]
STEPS = 40


def wandered(name: str, steps: int = 7, **options: Any) -> Environment:
    """An environment some random steps into an episode; actions go a little beyond the bounds."""
    environment = make_environment(name, seed=3, **options)
    for action in actions_for(environment, 1, steps, seed=1)[0]:
        environment.step(action)
    return environment


def actions_for(environment: Environment, sequences: int, steps: int, seed: int = 0) -> np.ndarray:
    space: Any = environment.action_space
    draw = np.random.default_rng(seed).uniform(-1.1, 1.1, (sequences, steps, *space.shape))
    return (draw * space.high).astype(np.float32)


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("name", MUJOCO)
def test_a_rollout_is_the_environments_own(name: str, rescale: bool) -> None:
    """Three sequences from the middle of an episode: observations, rewards and ends as the environment gives them."""

    def make() -> Environment:
        return make_environment(name, rescale_actions=rescale)

    model = SimulatorModel(make, threads=2)
    assert isinstance(model, RollingModel)
    environment = wandered(name, rescale_actions=rescale)
    start = model.start(environment)
    actions = actions_for(environment, 3, STEPS)
    latents, rewards, lasts = model.rollout(start, torch.from_numpy(actions))
    assert latents.shape == (3, STEPS + 1, model.latent_size)
    assert (latents[:, 0] == start).all()
    seen = model.decode(latents)
    for number in range(3):
        twin = wandered(name, rescale_actions=rescale)
        ended = False
        for t in range(STEPS):
            assert float(lasts[number, t]) == float(not ended)
            observation, reward, terminated, _, _ = twin.step(actions[number, t])
            assert float(rewards[number, t]) == pytest.approx(float(reward), abs=1e-6)
            assert seen[number, t + 1].numpy() == pytest.approx(observation, rel=1e-5, abs=1e-6)
            assert bool(latents[number, t + 1, -1]) == terminated
            ended = ended or terminated
        twin.close()
    environment.close()
    model.close()


@pytest.mark.parametrize("name", MUJOCO)
def test_a_step_is_the_environments_bit_for_bit(name: str) -> None:
    model = SimulatorModel(lambda: make_environment(name), threads=1)
    environment = wandered(name)
    latent = model.start(environment)
    for action in actions_for(environment, 1, 5)[0]:
        following = model.predict(latent[None], torch.from_numpy(action)[None])[0]
        paid = model.reward(latent[None], torch.from_numpy(action)[None], following[None])[0]
        observation, reward, terminated, _, _ = environment.step(action)
        assert float(paid) == float(reward)
        assert torch.equal(following[:-1], model.start(environment)[:-1])
        assert torch.equal(model.decode(following), torch.as_tensor(observation))
        assert float(model.continuation(following)) == float(not terminated)
        latent = following
    environment.close()
    model.close()


@pytest.mark.parametrize("name", ["Hopper-v5", "Hopper-v4", "Walker2d-v5", "Walker2d-v4", "InvertedPendulum-v4"])
def test_falling_ends_the_imagined_episode(name: str) -> None:
    """The wild actions above end these tasks in time; so the comparison has seen both sides of the end."""
    model = SimulatorModel(lambda: make_environment(name), threads=2)
    environment = wandered(name, steps=1)
    actions = np.full((2, 120, model.action_size), -1.0 if "Walker" in name else 1.0, np.float32)
    _, rewards, lasts = model.rollout(model.start(environment), torch.from_numpy(actions))
    assert lasts[:, 0].tolist() == [1.0, 1.0]
    assert lasts[:, -1].tolist() == [0.0, 0.0]
    end = int(lasts[0].argmin())
    for t in range(end):
        _, reward, terminated, _, _ = environment.step(actions[0, t])
        assert terminated == (t == end - 1)
        assert float(rewards[0, t]) == pytest.approx(float(reward), abs=1e-6)
    environment.close()
    model.close()


def test_options_count() -> None:
    options = {"healthy_reward": 3.0, "ctrl_cost_weight": 0.5, "terminate_when_unhealthy": False}
    model = SimulatorModel(lambda: make_environment("Hopper-v5", options=options), threads=1)
    environment = wandered("Hopper-v5", options=options)
    actions = actions_for(environment, 1, 80)
    _, rewards, lasts = model.rollout(model.start(environment), torch.from_numpy(actions))
    expected = [float(environment.step(action)[1]) for action in actions[0]]
    assert rewards[0].numpy() == pytest.approx(expected, abs=1e-5)
    assert lasts.min() == 1.0
    environment.close()
    model.close()


def test_which_tasks_states_pay() -> None:
    fast = set()
    for name in MUJOCO:
        environment = make_environment(name)
        if pay_of(environment.unwrapped) is not None:
            fast.add(name.rpartition("-")[0])
        environment.close()
    assert fast == {"HalfCheetah", "Swimmer", "Hopper", "Walker2d", "InvertedPendulum"}


@pytest.mark.parametrize("name", ["HalfCheetah-v5", "Reacher-v5"])
def test_threads_give_the_same_and_end(name: str) -> None:
    environment = wandered(name)
    actions = torch.from_numpy(actions_for(environment, 9, 6))
    before = set(threading.enumerate())
    found = []
    for threads in (1, 2, 4):
        model = SimulatorModel(lambda: make_environment(name), threads=threads)
        found.append(model.rollout(model.start(environment), actions))
        model.close()
    assert set(threading.enumerate()) == before
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))
    environment.close()


class Judge(LatentModel):
    """Values an observation by its sum; the policy repeats its first number."""

    latent_size = action_size = 2
    noise_size = 0
    offers = frozenset({"value", "policy"})

    def encode(self, observation: torch.Tensor, previous: object = None, noise: object = None) -> torch.Tensor:
        return observation

    def predict(self, latent: torch.Tensor, action: torch.Tensor, noise: object = None) -> torch.Tensor:
        raise AssertionError("the judge predicts nothing")

    reward = predict  # type: ignore[assignment]

    def value(self, latent: torch.Tensor) -> torch.Tensor:
        return latent.sum(-1)

    def policy(self, latent: torch.Tensor) -> torch.Tensor:
        return latent[..., :1]


@pytest.mark.parametrize("name", ["Swimmer-v5", "Pendulum-v1"])
def test_a_learned_model_judges_true_states(name: str) -> None:
    judge = Judge()
    assert isinstance(judge, WorldModel)
    model = true_model(lambda: make_environment(name), judge)
    environment = wandered(name)
    latent = model.start(environment)
    assert {"value", "policy"} <= model.offers
    assert "gradient" not in model.offers
    assert torch.allclose(model.value(latent), model.decode(latent).sum())
    assert torch.equal(model.policy(latent), model.decode(latent)[:1])
    environment.close()
    model.close()
    bare = true_model(lambda: make_environment(name))
    with pytest.raises(NotOffered, match="has no value"):
        bare.value(latent)
    bare.close()


def test_what_is_no_mujoco_task_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match=r"cannot be planned in: it is not simulated by MuJoCo\."):
        true_model(lambda: make_environment("MountainCarContinuous-v0"))
    assert isinstance(true_model(lambda: make_environment("Pendulum-v1")), PendulumModel)


def test_a_state_of_another_task_is_refused() -> None:
    model = SimulatorModel(lambda: make_environment("Hopper-v5"), threads=1)
    other = make_environment("Swimmer-v5")
    with pytest.raises(EnvironmentProblem, match="another environment"):
        model.start(other)
    with pytest.raises(NotOffered, match="start"):
        model.encode(torch.zeros(11))
    other.close()
    model.close()
