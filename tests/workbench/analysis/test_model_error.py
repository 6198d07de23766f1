"""Model error by horizon against oracles: a right model, and wrong ones worked out in numpy over several episodes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.workbench.analysis.linear_model import A, B, DecodingModel, LinearModel, episode
from workbench.analysis.encoded import encode_episode
from workbench.analysis.model_error import JudgedEpisode, ModelError, model_error
from workbench.analysis.steps import AnalysisStep, exhaust

WRONG = (A * np.array([[1.0, 0.5, 1.0]])).astype(np.float32)
HORIZON = 6


def judged(model: LinearModel, count: int = 3) -> list[JudgedEpisode]:
    found = []
    for seed in range(count):
        observations, actions, rewards = episode(40 + seed, seed)
        encoded = encode_episode(model, observations, actions, rewards)
        found.append(JudgedEpisode(encoded, observations.astype(np.float64)))
    return found


def error_of(model: LinearModel, horizon: int = HORIZON) -> ModelError:
    return exhaust(model_error(model, judged(model), horizon, starts=12))


def test_an_exactly_right_model_makes_no_error() -> None:
    error = error_of(DecodingModel())
    assert error.latent.high.max() < 1e-5
    assert error.observation is not None
    assert error.observation.high.max() < 1e-5
    assert (error.episodes, error.starts, error.horizon, error.useful) == (3, 12, HORIZON, HORIZON)
    right_reward = error_of(LinearModel()).reward
    assert right_reward.high.max() < 1e-5
    assert error_of(LinearModel()).observation is None


def test_a_wrong_linear_model_errs_as_worked_out_in_numpy() -> None:
    error = error_of(DecodingModel(WRONG))
    episodes = [episode(40 + seed, seed) for seed in range(3)]
    everything = np.concatenate([states for states, _, _ in episodes])
    spread, mean_state = everything.std(axis=0), everything.mean(axis=0)
    mean_reward = np.concatenate([rewards for _, _, rewards in episodes]).mean()
    latent, copy, mean, reward, plain, observed, kept = ([] for _ in range(7))
    for states, actions, rewards in episodes:
        for start in np.linspace(0, len(rewards) - HORIZON, 4).round().astype(int):
            z = states[start].astype(np.float64)
            rows: list[list[float]] = [[] for _ in range(7)]
            for step in range(HORIZON + 1):
                truth = states[start + step]
                rows[0].append(np.linalg.norm(z - truth))
                rows[1].append(np.linalg.norm(states[start] - truth))
                rows[2].append(np.linalg.norm(mean_state - truth))
                rows[5].append(np.sqrt((((z - truth) / spread) ** 2).mean()))
                rows[6].append(np.sqrt((((states[start] - truth) / spread) ** 2).mean()))
                if step < HORIZON:
                    rows[3].append(abs(z.sum() - rewards[start + step]))
                    rows[4].append(abs(mean_reward - rewards[start + step]))
                    z = WRONG @ z + B @ actions[start + step]
            for collected, row in zip((latent, copy, mean, reward, plain, observed, kept), rows, strict=True):
                collected.append(row)
    near = {"atol": 2e-4, "rtol": 1e-4}
    np.testing.assert_allclose(error.latent.mean, np.mean(latent, axis=0), **near)
    np.testing.assert_allclose(error.latent.low, np.percentile(latent, 10, axis=0), **near)
    baseline = np.minimum(np.mean(copy, axis=0), np.mean(mean, axis=0))
    np.testing.assert_allclose(error.latent_baseline, baseline, **near)
    np.testing.assert_allclose(error.reward.mean, np.mean(reward, axis=0), **near)
    np.testing.assert_allclose(error.reward_baseline, np.mean(plain, axis=0), **near)
    assert error.observation is not None
    np.testing.assert_allclose(error.observation.mean, np.mean(observed, axis=0), **near)
    np.testing.assert_allclose(error.observation_baseline, np.mean(kept, axis=0), **near)


def test_episodes_that_failed_early_do_not_shorten_the_rollouts_of_the_others() -> None:
    model = LinearModel(WRONG)
    states, actions, rewards = episode(5, 9)
    short = JudgedEpisode(encode_episode(model, states, actions, rewards), states.astype(np.float64))
    sets = judged(model), [*judged(model), short]
    alone, beside = (exhaust(model_error(model, each, 15, starts=12)) for each in sets)
    assert (beside.horizon, beside.episodes, beside.starts) == (15, 3, 12)
    np.testing.assert_array_equal(alone.latent.mean, beside.latent.mean)
    np.testing.assert_array_equal(alone.reward_baseline, beside.reward_baseline)
    single = exhaust(model_error(model, [short], 15))
    assert (single.horizon, single.episodes) == (2, 1)


def test_rollouts_are_at_most_half_of_the_median_episode_and_each_episode_is_told() -> None:
    steps: list[AnalysisStep] = []
    model = LinearModel()
    error = exhaust(model_error(model, judged(model), 1000), steps.append)
    assert error.horizon == 20
    assert [(step.done, step.total, step.unit) for step in steps] == [(n, 3, "episodes") for n in (1, 2, 3)]
    with pytest.raises(ValueError, match="no episode"):
        exhaust(model_error(model, [], 10))
