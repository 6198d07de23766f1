"""The MPC agent: how often it plans and fits, what it plans in, bootstraps given out once, snapshots, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_runs import CPU, WARM_UP, box_facts, make_agent, new_session, random_replay, run, stored, tiny_settings
from tests.tiny_runs import tiny_spec as any_tiny_spec
from workbench import events
from workbench.agents.ensemble_fit import EnsembleFit
from workbench.agents.mpc import ModelPredictiveControl
from workbench.agents.mpc_settings import EnsembleSettings, MpcSettings
from workbench.environments.problem import EnvironmentProblem
from workbench.models.ensemble import EnsembleModel, ParticleModel
from workbench.models.pendulum import PendulumModel
from workbench.noise import NoiseSource
from workbench.presets import load_presets
from workbench.settings import SettingsError, build
from workbench.spec import RunSpec, new_spec


def tiny_spec(**changes: Any) -> RunSpec:
    return any_tiny_spec("mpc", **changes)


def mpc(**changes: Any) -> ModelPredictiveControl:
    made = make_agent("mpc", tiny_settings("mpc", **changes), box_facts())
    assert isinstance(made, ModelPredictiveControl)
    return made


def small_settings(**changes: Any) -> MpcSettings:
    """As tiny ones, but for any planner and any model."""
    return build(MpcSettings, {"batch_size": 4, "warm_up_steps": WARM_UP, "planner.horizon": 3, **changes})


def fitted(**changes: Any) -> ModelPredictiveControl:
    made = mpc(**changes)
    list(made.learn(random_replay(made, box_facts()), WARM_UP + 1))
    return made


def plans_made(agent: ModelPredictiveControl, steps: int) -> list[int]:
    """At which of an episode's steps the agent planned."""
    generator = np.random.default_rng(0)
    _, memory = agent.begin_episode(NoiseSource(0, "acting"))
    planned = []
    for step in range(steps):
        observation = generator.standard_normal(3).astype(np.float32)
        action, memory, extras = agent.act(observation, memory, "evaluate")
        if "plan" in extras:
            planned.append(step)
            plan = extras["plan"].plan
            assert [each.iteration for each in extras["iterations"]] == [1, 2]
            assert extras["iterations"][-1] is extras["plan"]
        assert action == pytest.approx(plan[step - planned[-1]])  # the plan is what is executed
    return planned


@pytest.mark.parametrize(("interval", "planned"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4]), (3, [0, 3])])
def test_a_plan_is_executed_as_far_as_the_settings_say(interval: int, planned: list[int]) -> None:
    assert plans_made(fitted(replanning_interval=interval), 6) == planned


def test_a_search_begins_at_what_is_left_of_the_last_plan() -> None:
    agent = fitted(replanning_interval=2)
    seen = []
    search = agent.planner.iterate
    agent.planner.iterate = lambda problem: seen.append(problem) or search(problem)  # type: ignore[func-returns-value,method-assign]
    assert plans_made(agent, 4) == [0, 2]
    assert seen[0].warm_start is None
    first = next(search(seen[0].with_noise(NoiseSource(9, "other"))))
    assert seen[1].warm_start is not None
    assert torch.equal(seen[1].warm_start[1], seen[1].warm_start[2])  # two steps later, the last one repeated
    assert first.plan.shape == (3, 2)


def fits_of(spec: RunSpec) -> list[int]:
    messages, _ = run(new_session(spec))
    steps = [m.step for m in messages if isinstance(m, events.Progress) and m.phase == "learning"]
    return sorted(set(steps))


def test_a_fit_comes_once_or_every_so_often() -> None:
    assert fits_of(tiny_spec(refit_interval=0)) == [WARM_UP + 1]
    assert fits_of(tiny_spec(refit_interval=10)) == [WARM_UP + 1, WARM_UP + 11, WARM_UP + 21, WARM_UP + 31]


def test_until_the_first_fit_it_acts_at_random() -> None:
    agent = mpc()
    _, memory = agent.begin_episode(NoiseSource(0, "acting"))
    actions = np.stack([agent.act(np.zeros(3, np.float32), memory, "evaluate")[0] for _ in range(200)])
    assert actions.min(0) == pytest.approx(box_facts().action_low, abs=0.1)
    assert actions.max(0) == pytest.approx(box_facts().action_high, abs=0.1)


def test_exploration_noise_is_added_within_the_bounds() -> None:
    agent = fitted(exploration_std=1.0)
    for mode, equal in (("evaluate", True), ("explore", False)):
        _, memory = agent.begin_episode(NoiseSource(0, "acting"))
        action, _, extras = agent.act(np.zeros(3, np.float32), memory, mode)  # type: ignore[arg-type]
        assert np.allclose(action, extras["plan"].plan[0]) == equal
        assert (action >= box_facts().action_low).all()
        assert (action <= box_facts().action_high).all()


# ---- fitting --------------------------------------------------------------------------------------------------------


def growing_fit() -> tuple[EnsembleFit, Any, NoiseSource]:
    agent = mpc()
    assert agent.fit is not None
    return agent.fit, agent, NoiseSource(3, "learning")


def test_every_transition_has_its_place_once_and_for_all() -> None:
    fit, agent, noise = growing_fit()
    assert fit.begin(random_replay(agent, box_facts(), steps=20), noise)
    bootstrap, hold_out = fit.bootstrap.clone(), fit.hold_out.clone()
    grown = random_replay(agent, box_facts(), steps=40)  # begins with the same twenty
    assert fit.begin(grown, noise)
    assert torch.equal(fit.bootstrap[:, : bootstrap.shape[1]], bootstrap)
    assert torch.equal(fit.hold_out[: len(hold_out)], hold_out)
    learned = set(fit.bootstrap.flatten().tolist())
    assert not learned & set(fit.hold_out.tolist())
    assert not torch.equal(fit.bootstrap[0], fit.bootstrap[1])
    flags = grown.rows(0, grown.head)["flags"]
    assert all(flags[slot] & 1 for slot in learned)  # an episode's last observation is no transition


def test_what_the_replay_forgot_is_left_out() -> None:
    fit, agent, noise = growing_fit()
    replay = random_replay(agent, box_facts(), steps=90)
    assert fit.begin(replay, noise)
    generator = np.random.default_rng(1)
    for _ in range(150):
        replay.append(np.zeros(2, np.float32), 0.0, False, generator.standard_normal(3).astype(np.float32))
    assert replay.oldest > 0
    assert fit.begin(replay, noise)
    assert int(fit.bootstrap.min()) >= replay.oldest
    assert int(fit.hold_out.min()) >= replay.oldest
    fit.epoch(replay, noise)


def test_a_fit_ends_with_each_member_at_its_best() -> None:
    fit, agent, noise = growing_fit()
    replay = random_replay(agent, box_facts())
    assert fit.begin(replay, noise)
    first = fit.best_errors.clone()
    while fit.running:
        fit.epoch(replay, noise)
    assert (fit.held_out_errors(replay) <= first + 1e-6).all()
    assert torch.allclose(fit.held_out_errors(replay), fit.best_errors, atol=1e-6)


def test_too_little_data_waits() -> None:
    agent = mpc(warm_up_steps=0)
    for steps, items in ((1, 0), (3, 0), (4, 3)):
        replay = random_replay(agent, box_facts(), steps=steps)
        assert len(list(agent.learn(replay, steps))) == items


def test_a_linear_task_is_learned() -> None:
    """The observation moves by the action: after a fit the model says so, and its held-out error is small."""
    settings = build(
        MpcSettings,
        {"model.hidden_size": 32, "model.layers": 2, "batch_size": 32, "warm_up_steps": 1, "model.learning_rate": 3e-3},
    )
    agent = ModelPredictiveControl(settings, box_facts(), 1, CPU)
    replay = random_replay(agent, box_facts(), steps=0)
    generator, seen = np.random.default_rng(0), np.zeros(3, np.float32)
    replay.begin_episode(seen)
    for _ in range(95):
        action = generator.uniform(-0.5, 0.5, 2).astype(np.float32)
        seen = (0.9 * seen + np.array([action[0], action[1], 0.0])).astype(np.float32)
        replay.append(action, float(action.sum()), False, seen)
    items = list(agent.learn(replay, 2))
    assert float(items[-1]["model/held_out_error"]) < 0.05
    model = agent.world_model()
    with torch.no_grad():
        latent = model.encode(torch.zeros(3))
        action = torch.tensor([0.4, -0.3])
        after = model.predict(latent, action)
        assert after[:3].numpy() == pytest.approx([0.4, -0.3, 0.0], abs=0.1)
        assert float(model.reward(latent, action, after)) == pytest.approx(0.1, abs=0.1)


# ---- models ---------------------------------------------------------------------------------------------------------


def test_it_plans_in_particles_and_shows_their_mean() -> None:
    agent = fitted()
    assert isinstance(agent.planning_model(NoiseSource(0, "plan")), ParticleModel)
    shown = agent.world_model()
    assert type(shown) is EnsembleModel


def test_true_dynamics_solve_the_pendulum_without_learning() -> None:
    planner = {"planner.horizon": 20, "planner.candidates": 60, "planner.elites": 6, "planner.sampling": "clamped"}
    spec = replace(tiny_spec(), settings=small_settings(model="true", **planner))
    session = new_session(spec)
    agent = session.agent
    assert isinstance(agent, ModelPredictiveControl)
    assert isinstance(agent.world_model(), PendulumModel)
    observation, _ = session.environment.reset(seed=0)
    session.environment.unwrapped.state = np.array([0.3, 0.0])  # type: ignore[attr-defined]
    observation = np.array([np.cos(0.3), np.sin(0.3), 0.0], np.float32)
    _, memory = agent.begin_episode(NoiseSource(0, "acting"))
    for _ in range(14):
        action, memory, _ = agent.act(observation, memory, "evaluate")
        observation = session.environment.step(action)[0]
    session.close()
    assert abs(observation[1]) < 0.1  # nearly upright
    assert list(agent.learn(session.replay, WARM_UP + 1)) == []


def test_true_dynamics_of_other_tasks_are_refused_in_words() -> None:
    for changes in ({"model": "true"}, {"model.reward": "known"}):
        with pytest.raises(EnvironmentProblem, match=r"for Pendulum-v1 alone.*Choose model=ensemble"):
            ModelPredictiveControl(small_settings(**changes), box_facts(), 1, CPU)


def test_a_run_with_them_is_refused_at_the_field() -> None:
    for field, value in (("model", "true"), ("model.reward", "known")):
        assert new_spec("mpc", "Pendulum-v1", {field: value}).settings
        with pytest.raises(SettingsError, match=rf"^{field}: '{value}' is for Pendulum-v1 alone, .*HalfCheetah-v5"):
            new_spec("mpc", "HalfCheetah-v5", {field: value})


def test_the_known_reward_is_the_environments() -> None:
    session = new_session(tiny_spec(**{"model.reward": "known"}))
    model = session.agent.world_model()
    assert model is not None
    observation, _ = session.environment.reset(seed=1)
    action = np.array([0.3], np.float32)
    following, reward, *_ = session.environment.step(action)
    latents = [model.encode(torch.as_tensor(each)) for each in (observation, following)]
    found = float(model.reward(latents[0], torch.as_tensor(action), latents[1]))
    session.close()
    assert found == pytest.approx(float(reward), abs=1e-4)


# ---- snapshots and settings -----------------------------------------------------------------------------------------


def test_a_snapshot_is_enough_to_act_as_before() -> None:
    agent, other = fitted(), mpc()
    networks = {k: v for k, v in stored(agent.state()).tensors.items() if k.startswith("network/")}
    other.load_networks(networks)
    one, two = (
        each.act(np.ones(3, np.float32), each.begin_episode(NoiseSource(0, "acting"))[1], "evaluate")[0]
        for each in (agent, other)
    )
    assert np.array_equal(one, two)


def test_settings_that_cannot_be_are_named() -> None:
    with pytest.raises(SettingsError, match=r"replanning_interval: 13 is more than planner\.horizon \(12\) plans"):
        build(MpcSettings, {"replanning_interval": 13})
    with pytest.raises(SettingsError, match=r"planner\.elites: 600 cannot be chosen"):
        build(MpcSettings, {"planner.elites": 600})
    for values, field in (
        ({"planner.terminal_value": True}, "planner.terminal_value: the models of this agent have no value"),
        ({"planner": "mcts", "planner.leaf": "value"}, "planner.leaf: the models of this agent have no value"),
        ({"planner": "mppi", "planner.policy_candidates": 3}, "planner.policy_candidates: .* have no policy"),
    ):
        with pytest.raises(SettingsError, match=field):
            build(MpcSettings, values)


@pytest.mark.parametrize("planner", ["mppi", "gradient", "cem-gradient", "ilqr", "mcts", "random-shooting"])
def test_any_planner_acts_in_the_ensemble(planner: str) -> None:
    count = {"planner.simulations": 10} if planner == "mcts" else {"planner.iterations": 2}
    settings = small_settings(**{"planner": planner, "model.hidden_size": 8, "model.most_epochs": 2, **count})
    agent = ModelPredictiveControl(settings, box_facts(), 1, CPU)
    list(agent.learn(random_replay(agent, box_facts()), WARM_UP + 1))
    _, memory = agent.begin_episode(NoiseSource(0, "acting"))
    for _ in range(2):
        action, memory, extras = agent.act(np.ones(3, np.float32), memory, "explore")
        assert np.isfinite(action).all()
        assert np.isfinite(extras["plan"].plan_return)


def test_the_presets_are_rungs_of_one_ladder() -> None:
    presets = load_presets()
    rungs = [presets[name].spec().settings for name in ("mbrl-0.5", "mbrl-1.0", "mbrl-1.5")]
    half, one, mpc_rung = rungs
    assert isinstance(half, MpcSettings)
    assert isinstance(one, MpcSettings)
    assert (half.refit_interval, half.replanning_interval) == (0, half.planner.horizon)
    assert half.replace(refit_interval=one.refit_interval) == one
    assert one.replace(replanning_interval=1) == mpc_rung
    pets = presets["pets"].spec().settings
    assert isinstance(pets, MpcSettings)
    assert isinstance(pets.model, EnsembleSettings)
    assert (pets.planner.name, pets.planner.horizon, pets.replanning_interval) == ("cem", 30, 1)
