"""Q-bias in training and of checkpoints: one number from both, stored once, at the price of its episodes."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest

from storage import Project
from tests.workbench.engine.lab import alm_spec, small_spec, stop_at, train
from tests.workbench.engine.lab import resume as resume_run
from workbench import events
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_estimates import AlmEstimator
from workbench.analysis.bias_numbers import BiasDefinition, QBias
from workbench.analysis.steps import AnalysisStep, exhaust
from workbench.analysis.visited_states import Collecting
from workbench.engine.bias import NothingPromised, bound_of_checkpoint, measure_checkpoints, q_bias_of_checkpoint
from workbench.engine.recorder import Recorder
from workbench.engine.subject import open_subject
from workbench.settings import SettingsError

MEASURED = {
    "engine__bias_interval": 45,
    "engine__bias_states": 40,
    "engine__bias_first_steps": 20,
    "engine__bias_sign": "estimate-minus-return",
    "engine__bias_normaliser": "mean",
}
#: warm-up ends at 60, the budget at 150
STEPS = [60, 105, 150]


def stored(project: Project, run_id: int) -> dict[int, tuple[QBias, dict[str, Any]]]:
    """The measurements of a run by step, with what is listed of each."""
    found = {}
    for row in project.artifacts.list(run_id, "analysis"):
        assert row.name == f"q-bias-{row.step}"
        found[row.step] = QBias.read(*project.artifacts.load(row)), row.info
    return found


def same(one: QBias, other: QBias) -> bool:
    theirs = other.arrays()
    return all(np.array_equal(values, theirs[name]) for name, values in one.arrays().items())


def test_a_run_stores_measurements_and_metrics(project: Project) -> None:
    (run_id,) = train(project, alm_spec("Pendulum-v1", **MEASURED))
    found = stored(project, run_id)
    assert list(found) == STEPS
    definition = BiasDefinition("estimate-minus-return", "mean")
    for name in ("mean", "std", "k_step_mean", "k_step_std"):
        series = project.series.read(run_id, f"q_bias/{name}")
        assert series.step.tolist() == STEPS
        expected = [measured.metrics(definition)[f"q_bias/{name}"] for measured, _ in found.values()]
        assert series.value.tolist() == pytest.approx(expected)
    measured, info = found[150]
    assert (measured.states, measured.rollout_length, measured.lengths.tolist()) == (40, 2, [30, 30])
    assert info == measured.info()
    kinds = [row.data["analysis"] for row in project.log.read(run_id) if row.kind == "analysis"]
    assert kinds == ["q-bias"] * 3


def test_a_checkpoint_measured_later_gives_what_training_gave(project: Project) -> None:
    (run_id,) = train(project, alm_spec("HalfCheetah-v5", **MEASURED))
    recorder = Recorder(project)
    in_training = stored(project, run_id)[150][0]
    later = exhaust(q_bias_of_checkpoint(open_subject(recorder, run_id, "150")))
    assert same(in_training, later)
    second = later.episode_arrays(1)
    assert (second["qpos"].shape, second["observations"].shape) == ((31, 9), (31, 17))
    returns = second["rewards"] @ 0.99 ** np.arange(30)
    assert returns == pytest.approx(later.returns[later.episode == 1][0])
    longer = exhaust(q_bias_of_checkpoint(open_subject(recorder, run_id, "150"), Collecting(90, 30, "bootstrap")))
    assert (longer.states, longer.at_time_limit) == (90, "bootstrap")


def test_a_resumed_run_measures_no_step_twice(project: Project) -> None:
    spec = alm_spec("Pendulum-v1", **MEASURED)
    (plain,) = train(project, spec)
    (run_id,) = Recorder(project).submit(spec)
    stop_at(project, run_id, lambda message: isinstance(message, events.AnalysisFinished) and message.step == 105)
    resume_run(project, run_id)
    one, other = stored(project, plain), stored(project, run_id)
    assert list(other) == STEPS
    assert all(same(one[step][0], other[step][0]) for step in STEPS)
    assert project.series.read(run_id, "q_bias/mean").step.tolist() == STEPS


def test_checkpoints_are_measured_and_stored_one_after_the_other(project: Project) -> None:
    (run_id,) = train(project, alm_spec("Pendulum-v1", engine__bias_states=40, engine__bias_first_steps=20))
    seen: list[AnalysisStep] = []
    rows = exhaust(measure_checkpoints(Recorder(project), run_id, ["75", "150"]), seen.append)
    assert [row.name for row in rows] == ["q-bias-75", "q-bias-150"]
    assert [step.partial for step in seen if step.partial is not None] == rows
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert (seen[-1].done, seen[-1].total) == (80, 80)
    assert list(stored(project, run_id)) == [75, 150]


def test_a_measurement_costs_its_episodes_and_a_few_estimates(project: Project) -> None:
    """One action per environment step; estimates for 256 states at once: the episodes are what takes the time."""
    (run_id,) = train(project, alm_spec("HalfCheetah-v5"))
    subject = open_subject(Recorder(project), run_id)
    act, unroll = AlignedLatentModel.act, AlmEstimator.unroll
    with (
        mock.patch.object(AlignedLatentModel, "act", autospec=True, side_effect=act) as acting,
        mock.patch.object(AlmEstimator, "unroll", autospec=True, side_effect=unroll) as unrolling,
    ):
        measured = exhaust(q_bias_of_checkpoint(subject, Collecting(300, 20)))
    assert measured.states == 300
    assert acting.call_count == measured.lengths.sum() == 450
    assert unrolling.call_count == 2


def test_the_bound_begins_in_the_states_that_q_bias_measures(project: Project) -> None:
    """Its estimates for no steps and for the run's own K are those, with the same noise."""
    (run_id,) = train(project, alm_spec("Pendulum-v1", **MEASURED))
    subject = open_subject(Recorder(project), run_id, "150")
    bias, bound = exhaust(q_bias_of_checkpoint(subject)), exhaust(bound_of_checkpoint(subject, 5))
    np.testing.assert_array_equal(bound.returns, bias.returns)
    np.testing.assert_array_equal(bound.estimates[0], bias.estimates["critic"])
    np.testing.assert_array_equal(bound.estimates[2], bias.estimates["k_step"])
    assert (bound.longest, bound.rollout_length) == (5, 2)


def test_an_agent_that_learns_on_states_has_a_critic_alone(project: Project) -> None:
    spec = alm_spec("Pendulum-v1", encoder="states", actor_loss="td3", **MEASURED)
    (run_id,) = train(project, spec)
    assert set(stored(project, run_id)[150][0].estimates) == {"critic"}
    assert "q_bias/k_step_mean" not in project.series.metrics(run_id)
    with pytest.raises(NothingPromised, match="trains no model"):
        exhaust(bound_of_checkpoint(open_subject(Recorder(project), run_id), 3))


def test_an_agent_without_a_critic_has_no_bias(project: Project) -> None:
    (run_id,) = train(project, small_spec(**MEASURED))
    assert not project.artifacts.list(run_id, "analysis")
    with pytest.raises(NothingPromised, match="small has no critic"):
        exhaust(q_bias_of_checkpoint(open_subject(Recorder(project), run_id)))
    with pytest.raises(SettingsError, match="bias_sign"):
        small_spec(engine__bias_sign="up")
