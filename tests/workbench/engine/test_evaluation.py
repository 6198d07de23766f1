"""Evaluation episodes depend on the agent, the seed and the step alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.engine.faulty import FAULTY
from tests.workbench.engine.small_agent import SmallAgent, SmallSettings
from workbench.engine.evaluation import Evaluation, check_shape
from workbench.engine.measures import NonFiniteValue
from workbench.engine.task import task_facts
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment

CPU = torch.device("cpu")


@pytest.fixture
def environment() -> Any:
    made = make_environment("HalfCheetah-v5", options={"max_episode_steps": 20})
    yield made
    made.close()


@pytest.fixture
def agent(environment: Environment) -> SmallAgent:
    return SmallAgent(SmallSettings(), task_facts(environment), 1, CPU)


def evaluate(agent: SmallAgent, environment: Environment, **changes: Any) -> Evaluation:
    options = {"episodes": 2, "seed": 1, "step": 100, "record": True, "device": CPU}
    return Evaluation(agent, environment, **{**options, **changes})


def returns(evaluation: Evaluation) -> list[float]:
    for _ in evaluation.run():
        pass
    return [episode.episode_return for episode in evaluation.finished]


def test_the_same_step_and_seed_give_the_same_episodes_even_after_one_that_was_broken_off(
    agent: SmallAgent, environment: Environment
) -> None:
    first = returns(evaluate(agent, environment))
    assert len(set(first)) == 2
    items = evaluate(agent, environment, step=200).run()
    for _ in range(7):
        next(items)
    items.close()  # type: ignore[attr-defined]
    assert returns(evaluate(agent, environment)) == first
    assert returns(evaluate(agent, environment, episodes=3))[:2] == first
    assert set(returns(evaluate(agent, environment, step=101))).isdisjoint(first)
    assert set(returns(evaluate(agent, environment, seed=2))).isdisjoint(first)


def test_an_evaluation_yields_every_step_and_changes_nothing_of_the_agent(
    agent: SmallAgent, environment: Environment
) -> None:
    before = {name: tensor.clone() for name, tensor in agent.state().tensors.items()}
    evaluation = evaluate(agent, environment)
    assert [step.index for step in evaluation.run()] == [*range(1, 21)] * 2
    assert all(torch.equal(tensor, before[name]) for name, tensor in agent.state().tensors.items())


def test_the_first_episode_is_recorded(agent: SmallAgent, environment: Environment) -> None:
    evaluation = evaluate(agent, environment)
    assert evaluation.recording() == {}
    returns(evaluation)
    recording = evaluation.recording()
    shapes = {name: array.shape for name, array in recording.items()}
    expected = {"observations": (21, 17), "actions": (20, 6), "rewards": (20,), "qpos": (21, 9), "qvel": (21, 9)}
    assert shapes == expected
    assert recording["rewards"].sum() == evaluation.finished[0].episode_return
    unrecorded = evaluate(agent, environment, record=False)
    returns(unrecorded)
    assert unrecorded.recording() == {}


def test_an_action_that_is_no_number_is_the_agents_fault(agent: SmallAgent, environment: Environment) -> None:
    with torch.no_grad():
        agent.actor.weights[0].fill_(torch.nan)
    with pytest.raises(NonFiniteValue, match=r"action is not finite\. This was in the evaluation after .* step 100"):
        returns(evaluate(agent, environment))


@pytest.mark.parametrize("fault", ["shape", "observation", "step"])
def test_a_fault_of_the_environment_names_it_and_both_steps(fault: str) -> None:
    broken = make_environment(FAULTY, options={"fault": fault, "at": 5})
    agent = SmallAgent(SmallSettings(), task_facts(broken), 1, CPU)
    with pytest.raises(EnvironmentProblem, match=r"^Faulty-v0 .* step 5.* evaluation after environment step 100\.$"):
        returns(evaluate(agent, broken))


def test_shapes_are_compared(environment: Environment) -> None:
    check_shape(np.zeros(17), (17,), environment, 3)
    with pytest.raises(EnvironmentProblem, match=r"^HalfCheetah-v5 .* shape \(\) instead of \(17,\) at reset\.$"):
        check_shape(np.zeros(()), (17,), environment, 0)
