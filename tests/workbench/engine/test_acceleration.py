"""An update gives the same numbers however it is computed; what cannot be had is replaced, and the reason is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_runs import new_session, same_tensors, tiny_spec
from tests.workbench.engine.group_updates import Group, largest_difference, learned, make_agents
from workbench.engine import captured
from workbench.engine.acceleration import GroupUpdate, choose_mode, how_it_computes, own_stream
from workbench.engine.captured import CapturedUpdates, StaticInputs
from workbench.engine.lanes import Lanes
from workbench.engine.undo import undone
from workbench.events import Note
from workbench.spec import EngineSettings

ROOT = Path(__file__).parents[3]
CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
#: torch's compiler uses parts of torch that torch calls outdated, and looks where torch warns of looking
own_warnings = pytest.mark.filterwarnings(
    "ignore:.*torch.jit.*is deprecated:DeprecationWarning", "ignore:The .grad attribute of a Tensor:UserWarning"
)
needs_compiler = pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="no C++ compiler")


# ---- which way ------------------------------------------------------------------------------------------------------


def test_the_device_decides_unless_the_settings_do() -> None:
    assert [choose_mode(choice, CPU) for choice in ("auto", "eager", "compile", "graph")] == [
        *("eager", "eager", "compile", "eager")
    ]
    assert [choose_mode(choice, GPU) for choice in ("auto", "eager", "compile", "graph")] == [
        *("graph", "eager", "compile", "graph")
    ]


def test_a_reason_is_given_only_where_something_else_was_asked_for() -> None:
    agents = make_agents(CPU, [1])
    assert GroupUpdate(agents, EngineSettings(), CPU).reason is None
    assert GroupUpdate(agents, EngineSettings(acceleration="eager"), CPU).reason is None
    asked = GroupUpdate(agents, EngineSettings(acceleration="graph"), CPU)
    assert asked.mode == "eager"
    assert asked.reason == "There are no CUDA graphs on a CPU: updates are computed operator by operator."


def test_a_runs_record_says_how_it_computes() -> None:
    assert how_it_computes(EngineSettings(), CPU) == {"precision": "fp32", "acceleration": "eager"}
    assert how_it_computes(EngineSettings(precision="bf16"), GPU) == {"precision": "bf16", "acceleration": "graph"}


def test_work_on_a_cpu_needs_no_stream() -> None:
    with own_stream(CPU):
        pass


# ---- groups ---------------------------------------------------------------------------------------------------------


def test_a_group_computes_what_each_agent_computes_alone() -> None:
    group = Group(CPU, [1, 2])
    alone = [Group(CPU, [1]), Group(CPU, [2])]
    alone[1].replays = [Group(CPU, [1, 2]).replays[1]]
    group.run(3)
    for each, own in zip(group.agents, alone, strict=True):
        own.run(3)
        assert largest_difference(each, own.agents[0]) == 0.0
    assert largest_difference(*group.agents) > 0.01


def test_an_agent_that_wants_no_update_stays_as_it_is() -> None:
    group = Group(CPU, [1, 2])
    group.run(1)
    before = [learned(agent) for agent in group.agents]
    metrics = group.update([None, group.inputs()[1]])
    assert metrics[0] is None
    assert metrics[1] is not None
    assert all(torch.equal(before[0][name], value) for name, value in learned(group.agents[0]).items())
    assert not torch.equal(before[1]["network/actor.weights.0"], learned(group.agents[1])["network/actor.weights.0"])


def test_a_dropped_agent_takes_no_part_and_the_others_move_up() -> None:
    group, whole = Group(CPU, [1, 2, 3]), Group(CPU, [1, 2, 3])
    for each in (group, whole):
        each.run(1)
    group.update.drop(1)
    gone = group.agents.pop(1)
    before = learned(gone)
    del group.replays[1]
    group.run(1)
    whole.run(1)
    assert all(torch.equal(before[name], value) for name, value in learned(gone).items())
    for mine, theirs in ((0, 0), (1, 2)):
        assert largest_difference(group.agents[mine], whole.agents[theirs]) == 0.0


# ---- trying out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 2])
def test_what_is_tried_out_leaves_no_trace(before: int) -> None:
    """The tensors stay the same ones too: a graph knows them by their place in memory."""
    tried, other = Group(CPU), Group(CPU)
    for each in (tried, other):
        each.run(before)
    with undone(tried.agents):
        places = {name: tensor.data_ptr() for name, tensor in _kept(tried).items()}
        tried.run(3)
        assert largest_difference(tried.agents[0], _after(before)) > 0.001
    assert {name: tensor.data_ptr() for name, tensor in _kept(tried).items()} == places
    tried.made = other.made
    for each in (tried, other):
        each.run(2)
    assert largest_difference(tried.agents[0], other.agents[0]) == 0.0


def test_what_fails_while_tried_out_leaves_no_trace_either() -> None:
    tried = Group(CPU)
    before = learned(tried.agents[0])
    with pytest.raises(ArithmeticError), undone(tried.agents):
        tried.run(1)
        raise ArithmeticError
    after = learned(tried.agents[0])
    assert all(torch.equal(after[name], value) for name, value in before.items())


def _kept(group: Group) -> dict[str, torch.Tensor]:
    state = group.agents[0].state().tensors
    return {name: tensor for name, tensor in state.items() if not name.startswith("noise/")}


def _after(updates: int) -> Any:
    group = Group(CPU)
    group.run(updates)
    with undone(group.agents):  # makes room for the moments, as elsewhere
        pass
    return group.agents[0]


# ---- static inputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("elsewhere", [False, True])
def test_static_inputs_are_filled_in_place(elsewhere: bool) -> None:
    """Drawn inside what is captured, or drawn before and copied: the numbers are those of an eager update."""
    group, other = Group(CPU), Group(CPU)
    agent, replay = group.agents[0], group.replays[0]
    if elsewhere:
        agent.device = torch.device("cpu:0")  # not the replay's, as far as anyone can tell
    first = agent.gather(replay, 1000)
    values = torch.zeros(1)
    with undone([agent]):
        static = StaticInputs(agent, first, values)
    assert (static._batches is not None) == elsewhere
    for number in (1, 2, 3):
        inputs = agent.gather(replay, 1000 * number)
        assert static.fits(inputs.replays)
        values.copy_(torch.tensor(static.numbers(inputs)))
        places = _places(static)
        static.fill()
        static.compute()
        assert _places(static) == places
    other.run(3)
    assert largest_difference(agent, other.agents[0]) == 0.0
    assert not static.fits({"environment": other.replays[0]})


def _places(static: StaticInputs) -> list[int]:
    return [batch.rewards.data_ptr() for batch in (static._batches or {}).values()]


# ---- falling back ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="here a capture does not fail")
def test_a_capture_that_fails_is_told_and_learns_no_less() -> None:
    """What torch raises where there is no CUDA; the agents are where an eager group's are."""
    failing, eager = Group(CPU, [1, 2]), Group(CPU, [1, 2])
    failing.update = GroupUpdate(failing.agents, EngineSettings(acceleration="graph", precision="fp32"), GPU)
    assert failing.update.mode == "graph"
    for each in (failing, eager):
        each.run(3)
    assert failing.update.mode == "eager"
    assert failing.update.reason is not None
    assert failing.update.reason.startswith("The update could not be captured as a CUDA graph (")
    assert failing.update.reason.endswith("); updates are computed operator by operator.")
    for mine, theirs in zip(failing.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) == 0.0
    assert not captured.CAPTURING.locked()


def test_a_capture_that_breaks_off_half_way_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agents have learned in the warm-up by then."""
    failing, eager = Group(CPU), Group(CPU)
    failing.update = GroupUpdate(failing.agents, EngineSettings(acceleration="graph", precision="fp32"), GPU)
    before = learned(failing.agents[0])
    seen = []

    class Broken(CapturedUpdates):
        def __init__(self, agents: Any, inputs: Any, device: torch.device, arithmetic: Any) -> None:
            with undone(agents):
                for agent, each in zip(agents, inputs, strict=True):
                    agent.compute(each)
                seen.append(learned(agents[0]))
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with ...")

    monkeypatch.setattr("workbench.engine.acceleration.CapturedUpdates", Broken)
    for each in (failing, eager):
        each.run(2)
    assert not torch.equal(seen[0]["network/actor.weights.0"], before["network/actor.weights.0"])
    assert largest_difference(failing.agents[0], eager.agents[0]) == 0.0
    assert failing.update.reason == (
        "The update could not be captured as a CUDA graph (CUDA error: operation not permitted when stream is "
        "capturing); updates are computed operator by operator."
    )


class Recorded:
    """In place of a graph: computes eagerly, and remembers for whom one was made."""

    made: list[int]

    def __init__(self, agents: Any, inputs: Any, device: torch.device, arithmetic: Any) -> None:
        self._agents = agents
        self._replays = [each.replays for each in inputs]
        self.made.append(len(agents))

    def fits(self, inputs: Any) -> bool:
        pairs = zip(inputs, self._replays, strict=True)
        return all(each.replays["environment"] is own["environment"] for each, own in pairs)

    def __call__(self, inputs: Any) -> Any:
        return [agent.compute(each) for agent, each in zip(self._agents, inputs, strict=True)]


def test_a_group_is_captured_anew_when_it_changes_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorded, "made", [], raising=False)
    monkeypatch.setattr("workbench.engine.acceleration.CapturedUpdates", Recorded)
    group = Group(CPU, [1, 2, 3])
    group.update = GroupUpdate(group.agents, EngineSettings(acceleration="graph", precision="fp32"), GPU)
    group.run(3)
    assert Recorded.made == [3]
    group.update([None, *group.inputs()[1:]])  # away for one update
    assert Recorded.made == [3]
    group.update([None, *group.inputs()[1:]])  # still away
    group.update([None, *group.inputs()[1:]])
    assert Recorded.made == [3, 2]
    group.run(2)  # back: the graph of all was kept
    assert Recorded.made == [3, 2]
    group.update.drop(0)
    del group.agents[0], group.replays[0]
    group.run(2)
    assert Recorded.made == [3, 2, 2]
    group.replays[0] = Group(CPU, [9]).replays[0]
    group.run(2)
    assert Recorded.made == [3, 2, 2, 2]


# ---- in a run -------------------------------------------------------------------------------------------------------


def test_a_run_says_why_its_updates_are_computed_otherwise() -> None:
    def finished(choice: str) -> tuple[list[str], dict[str, torch.Tensor]]:
        session = new_session(tiny_spec("alm", {"acceleration": choice}))
        messages = [message for _, message in Lanes([session]).run()]
        session.close()
        assert session.agent.updates > 0
        return [each.text for each in messages if isinstance(each, Note)], session.agent.state().tensors

    notes, tensors = finished("graph")
    expected, eager = finished("auto")
    assert expected == []
    assert notes == ["There are no CUDA graphs on a CPU: updates are computed operator by operator."]
    assert same_tensors(tensors, eager)


# ---- compiled -------------------------------------------------------------------------------------------------------


WITHOUT_COMPILER = """
import torch
from tests.workbench.engine.group_updates import Group, largest_difference
failing, eager = (Group(torch.device("cpu"), acceleration=how) for how in ("compile", "eager"))
for each in (failing, eager):
    each.run(2)
difference = largest_difference(failing.agents[0], eager.agents[0])
print(failing.update.mode, type(failing.agents[0].noise).__name__, difference)
print(failing.update.reason)
"""


def test_a_missing_compiler_is_told_and_learns_no_less(tmp_path: Path) -> None:
    """In a process of its own: torch remembers which compiler it found."""
    found = {"CXX": str(tmp_path / "no-compiler"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **found}
    command = [sys.executable, "-c", WITHOUT_COMPILER]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    numbers, reason = ended.stdout.splitlines()
    assert numbers == "eager NoiseSource 0.0"
    assert reason.startswith("The update could not be compiled (")
    assert "compiler" in reason


@own_warnings
@needs_compiler
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif("FORESIGHT_COMPILE" not in os.environ, reason="compiles for minutes; FORESIGHT_COMPILE=1 runs it")
def test_compiled_updates_agree_with_eager_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compiled, eager = (Group(CPU, [1, 2], acceleration=how) for how in ("compile", "eager"))
    metrics = [each.run(10) for each in (compiled, eager)]
    assert compiled.update.reason is None
    assert compiled.update.mode == "compile"
    for mine, theirs in zip(compiled.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) < 1e-5
    assert metrics[0][0] == pytest.approx(metrics[1][0], rel=1e-4, abs=1e-6)
    compilations = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    compiled.run(1)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compilations
