"""Latent rollouts against oracles: a right model, a wrong linear one worked out in numpy, Gaussians, and collapse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.workbench.analysis.linear_model import A, B, FilteringModel, GaussianModel, LinearModel, episode
from workbench.analysis.encoded import EncodedEpisode, encode_episode, unroll
from workbench.analysis.latent_health import LatentHealth, effective_rank, latent_health
from workbench.analysis.latent_rollout import (
    AnalysisStep,
    ErrorByHorizon,
    Rollout,
    error_by_horizon,
    roll_out,
    spread_starts,
    useful_steps,
)
from workbench.analysis.steps import exhaust

WRONG = np.array([[0.9, 0.2, 0.0], [-0.2, 0.7, 0.1], [0.1, 0.0, 0.8]], np.float32)


def rollout_of(model: LinearModel, start: int = 5, horizon: int = 20) -> Rollout:
    return exhaust(roll_out(model, encode_episode(model, *episode()), start, horizon))


def by_horizon(model: LinearModel, horizon: int = 10, starts: int = 8) -> ErrorByHorizon:
    return exhaust(error_by_horizon(model, encode_episode(model, *episode()), horizon, starts))


def test_an_exactly_right_model_makes_no_error() -> None:
    rollout = rollout_of(LinearModel())
    assert rollout.steps == 20
    assert np.abs(rollout.error).max() < 1e-5
    assert np.abs(rollout.cosine - 1).max() < 1e-6
    np.testing.assert_allclose(rollout.rewards, rollout.true_rewards, atol=1e-5)
    np.testing.assert_allclose(rollout.values, rollout.true_values, atol=1e-5)
    assert rollout.copy_error[0] == 0
    assert rollout.copy_error[1:].min() > 0.1
    whole = by_horizon(LinearModel())
    assert whole.error.high.max() < 1e-5
    assert whole.useful == 10


def test_a_wrong_linear_model_errs_as_worked_out_in_numpy() -> None:
    states, actions, rewards = episode()
    start, horizon = 5, 20
    rollout = rollout_of(LinearModel(WRONG), start, horizon)
    z = states[start].astype(np.float64)
    for step in range(horizon + 1):
        truth = states[start + step].astype(np.float64)
        assert rollout.error[step] == pytest.approx(np.linalg.norm(z - truth), abs=1e-5)
        assert rollout.cosine[step] == pytest.approx(z @ truth / np.linalg.norm(z) / np.linalg.norm(truth), abs=1e-5)
        assert rollout.copy_error[step] == pytest.approx(np.linalg.norm(states[start] - truth), abs=1e-5)
        assert rollout.mean_error[step] == pytest.approx(np.linalg.norm(states.mean(axis=0) - truth), abs=1e-5)
        assert rollout.values is not None
        assert rollout.values[step] == pytest.approx(z.sum(), abs=1e-4)
        if step < horizon:
            assert rollout.rewards[step] == pytest.approx(z.sum(), abs=1e-4)
            assert rollout.true_rewards[step] == pytest.approx(rewards[start + step])
            z = WRONG @ z + B @ actions[start + step]


def test_many_starts_are_the_single_rollouts_together() -> None:
    model = LinearModel(WRONG)
    whole = by_horizon(model, horizon=10, starts=8)
    singles = [rollout_of(model, start, 10) for start in whole.starts]
    errors = np.stack([single.error for single in singles])
    assert len(singles) == 8
    np.testing.assert_allclose(whole.error.mean, errors.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(whole.error.low, np.percentile(errors, 10, axis=0), atol=1e-5)
    np.testing.assert_allclose(whole.error.high, np.percentile(errors, 90, axis=0), atol=1e-5)
    reward_errors = np.stack([np.abs(single.rewards - single.true_rewards) for single in singles])
    np.testing.assert_allclose(whole.reward_error.mean, reward_errors.mean(axis=0), atol=1e-5)


def test_gaussian_models_have_their_divergence_and_spread() -> None:
    model = GaussianModel(WRONG)
    rollout = rollout_of(model)
    assert rollout.kl is not None
    assert rollout.stds is not None
    assert np.isnan(rollout.kl[0])
    assert (rollout.stds[0] == 0.5).all()
    assert (rollout.stds[1:] == 0.25).all()
    for step in (1, 7, 20):
        imagined = torch.distributions.Normal(torch.as_tensor(rollout.latents[step]), 0.25)
        encoded = torch.distributions.Normal(torch.as_tensor(rollout.truth[step]), 0.5)
        expected = float(torch.distributions.kl_divergence(imagined, encoded).sum())
        assert rollout.kl[step] == pytest.approx(expected, rel=1e-4)
    assert rollout_of(LinearModel(WRONG)).kl is None


def test_a_long_rollout_comes_in_parts_that_change_nothing() -> None:
    model = GaussianModel(WRONG)
    encoded = encode_episode(model, *episode(700))
    steps: list[AnalysisStep] = []
    whole = exhaust(roll_out(model, encoded, 10, 1000), steps.append)
    assert [step.done for step in steps] == [200, 400, 600]
    assert whole.steps == 690
    parts = [step.partial for step in steps]
    assert [len(part.error) for part in parts if isinstance(part, Rollout)] == [201, 401, 601]
    once = unroll(model, encoded, [10], 690)
    np.testing.assert_array_equal(whole.latents, once.latents[:, 0])
    np.testing.assert_array_equal(whole.rewards, once.rewards[:, 0])
    assert once.stds is not None
    np.testing.assert_array_equal(whole.stds, once.stds[:, 0])


def test_a_filtering_model_is_encoded_step_by_step() -> None:
    states, actions, rewards = episode(4)
    encoded = encode_episode(FilteringModel(), states, actions, rewards)
    expected = [states[0]]
    for step in range(4):
        expected.append(expected[-1] + states[step + 1] + actions[step].sum())
    np.testing.assert_allclose(encoded.latents, np.stack(expected), rtol=1e-5)
    assert encoded.values is None


def test_what_does_not_belong_together_is_refused() -> None:
    states, actions, rewards = episode(10)
    with pytest.raises(ValueError, match="not 10 observations, 10 actions and 10 rewards"):
        encode_episode(LinearModel(), states[:-1], actions, rewards)
    encoded = encode_episode(LinearModel(), states, actions, rewards)
    with pytest.raises(ValueError, match="start 10 with horizon 5"):
        exhaust(roll_out(LinearModel(), encoded, 10, 5))
    with pytest.raises(ValueError, match="no 5 steps from each of"):
        unroll(LinearModel(), encoded, [3, 6], 5)


def test_useful_means_all_steps_up_to_there() -> None:
    baseline = np.array([0.0, 2.0, 2.0, 2.0, 2.0])
    assert useful_steps(np.array([0.0, 0.5, 0.9, 1.1, 0.2]), baseline) == 2
    assert useful_steps(np.array([0.0, 1.5, 0.1, 0.1, 0.1]), baseline) == 0
    assert useful_steps(np.array([9.0, 1.0, 1.0, 1.0, 1.0]), baseline) == 4
    # A constant encoder has no error and nothing to beat; its collapse is what must be told.
    assert useful_steps(np.zeros(5), np.zeros(5)) == 4


def test_starts_are_spread_and_each_has_its_steps() -> None:
    assert spread_starts(100, 10, 4) == (0, 30, 60, 90)
    assert spread_starts(12, 10, 64) == (0, 1, 2)
    whole = by_horizon(LinearModel(), horizon=1000)
    assert whole.horizon == 30, "half of the episode's 60 steps"
    assert whole.starts[-1] == 30


# ---- degenerate latents ---------------------------------------------------------------------------------------------


def judged(model: LinearModel, observations: np.ndarray | None = None) -> LatentHealth:
    states, actions, rewards = episode()
    seen = states if observations is None else observations
    return latent_health(encode_episode(model, seen, actions, rewards), seen)


def test_collapse_is_found_on_a_constant_encoder() -> None:
    for model in (LinearModel(scale=0.0), GaussianModel(scale=0.0), GaussianModel(scale=0.01)):
        health = judged(model)
        assert health.collapsed
        assert health.dead == (0, 1, 2)
        assert health.reason == "3 of 3 coordinates vary by less than 1 % of the encoder's noise"
    assert judged(LinearModel(scale=0.0)).effective_rank == 0


class OffsetModel(LinearModel):
    """Latents that move along one direction only, ``away`` from the origin."""

    def __init__(self, away: float) -> None:
        super().__init__()
        self.away = away

    def encode(self, observation, previous=None, noise=None):
        along = observation.sum(-1, keepdim=True) * torch.tensor([1.0, -2.0, 0.5])
        return self.away + along + 1e-4 * observation


def test_latents_that_hardly_move_have_collapsed() -> None:
    still = judged(OffsetModel(away=1000.0))
    assert still.dead == ()
    assert still.spread < 0.01
    assert still.reason.startswith("they move by 0.")


def test_latents_along_one_line_of_many_have_collapsed() -> None:
    observations = np.random.default_rng(0).normal(size=(400, 6))
    line = np.outer(observations.sum(axis=1), [1.0, -1.0, 2.0, 0.5]).astype(np.float32)
    encoded = EncodedEpisode(line, None, None, np.zeros((399, 1), np.float32), np.zeros(399))
    health = latent_health(encoded, observations)
    assert health.observation_rank == pytest.approx(6, abs=0.1)
    assert health.reason == "they use 1.0 directions where the observations use 6.0"
    wide = np.random.default_rng(1).normal(size=(400, 4)).astype(np.float32)
    encoded = EncodedEpisode(wide, None, None, np.zeros((399, 1), np.float32), np.zeros(399))
    assert not latent_health(encoded, observations).collapsed


def test_healthy_latents_are_not_accused_and_single_dead_coordinates_are_named() -> None:
    for model in (LinearModel(), GaussianModel()):
        assert judged(model).dead == ()
        assert not judged(model).collapsed
    states = episode()[0].copy()
    states[:, 1] = 0.3 + 0.001 * states[:, 1]
    health = judged(GaussianModel(), states)
    assert health.dead == (1,)
    assert not health.collapsed
    np.testing.assert_allclose(health.variance, states.var(axis=0), rtol=1e-3)


def test_images_are_no_measure_of_directions() -> None:
    states, actions, rewards = episode()
    encoded = encode_episode(LinearModel(), states, actions, rewards)
    assert latent_health(encoded, np.zeros((61, 3, 8, 8), np.uint8)).observation_rank is None


def test_the_effective_rank_of_known_shapes() -> None:
    assert effective_rank(np.vstack((np.eye(4), -np.eye(4)))) == pytest.approx(4)
    line = np.outer(np.linspace(-1, 1, 9), [1.0, 2.0, 3.0])
    assert effective_rank(line) == pytest.approx(1, abs=1e-6)
    # Singular values 3 and 1: entropy of (3/4, 1/4).
    points = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert effective_rank(points) == pytest.approx(expected)


def test_an_encoded_episode_knows_its_length() -> None:
    encoded: EncodedEpisode = encode_episode(LinearModel(A), *episode(7))
    assert encoded.length == 7
    assert encoded.latents.shape == (8, 3)
