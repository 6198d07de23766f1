"""The replay: which windows can be drawn, how often, what they hold, and that a reloaded one goes on the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.workbench.agents.alm_expected_update import Transition, admissible_starts
from workbench.noise import NoiseSource
from workbench.replay import Batch, Draw, ReplayBuffer
from workbench.replay.buffer import NotEnoughData

# What happened first fills the ring (its rows are 64 more than the capacity) so that the rest overwrites it.
LONG_AGO = ["step", "step", "terminate", "step", "step", "step", "step", "truncate", "step", "cut"] * 12
ops = st.builds(
    lambda count, last: LONG_AGO[:count] + last,
    st.integers(0, len(LONG_AGO)),
    st.lists(st.sampled_from(["step", "step", "step", "step", "terminate", "truncate", "cut"]), max_size=40),
)


class InOrder:
    """Noise whose indices are 0, 1, 2...: a draw of as many windows as there are shows each of them once."""

    def indices(self, high: torch.Tensor | int, shape: Sequence[int], name: str = "") -> torch.Tensor:
        return torch.arange(int(np.prod(shape))).reshape(tuple(shape)) % high


class Story:
    """Feeds replays with numbered observations and remembers the transitions as the reference takes them.

    Observation n is [n]; the action taken in it is [n + 0.5], its reward 10 n.
    """

    def __init__(self, replay: ReplayBuffer) -> None:
        self.replays = [replay]
        self.transitions: list[Transition] = []
        self.origins: list[int] = []  # of each transition, the observation that it starts from
        self.slots: list[bool] = []  # of each observation, whether an episode begins with it
        self.begin()

    def begin(self) -> None:
        if self.transitions and not self.transitions[-1].terminal:
            self.transitions[-1] = replace(self.transitions[-1], reset=True)
        for replay in self.replays:
            replay.begin_episode(np.array([len(self.slots)], np.float32))
        self.slots.append(True)

    def do(self, op: str) -> None:
        if op != "cut":
            now = len(self.slots) - 1
            following = np.array([now + 1], np.float32)
            for replay in self.replays:
                replay.append(np.array([now + 0.5], np.float32), 10.0 * now, op == "terminate", following)
            self.transitions.append(Transition(terminal=op == "terminate"))
            self.origins.append(now)
            self.slots.append(False)
        if op != "step":
            self.begin()

    def expected_starts(self, length: int) -> set[int]:
        """Observations with which an admissible window begins, by the reference's ring of transitions."""
        capacity = self.replays[0].capacity
        ring: list[Transition | None] = [None] * capacity
        held: dict[int, int] = {}
        for number, transition in enumerate(self.transitions):
            ring[number % capacity] = transition
            held[number % capacity] = self.origins[number]
        return {held[slot] for slot in admissible_starts(ring, len(self.transitions) % capacity, length)}


def make_replay(capacity: int, *draws: Draw) -> ReplayBuffer:
    return ReplayBuffer(capacity, (1,), np.float32, 1, draws)


def every_window(replay: ReplayBuffer, length: int, across_resets: bool = False) -> Batch | None:
    """All windows that could be drawn, oldest first; None if there is none."""
    count = replay.admissible(length, across_resets)
    return replay.sample(Draw(length, count, across_resets=across_resets), InOrder()) if count else None


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(Batch))


@given(ops=ops, capacity=st.integers(3, 20), length=st.integers(1, 3))
def test_windows_are_those_of_the_reference(ops: list[str], capacity: int, length: int) -> None:
    replay = make_replay(capacity, Draw(length, 1))
    story = Story(replay)
    for op in ops:
        story.do(op)
    assert len(replay) == min(len(story.transitions), capacity)
    windows = every_window(replay, length)
    drawn = [] if windows is None else windows.observations[0, :, 0].tolist()
    assert drawn == sorted(story.expected_starts(length))
    if windows is None:
        return
    numbers = windows.observations[..., 0]  # [length + 1, windows]
    assert torch.equal(numbers, numbers[:1] + torch.arange(length + 1).unsqueeze(1))
    assert torch.equal(windows.actions[..., 0], numbers[:-1] + 0.5)
    assert torch.equal(windows.rewards, 10.0 * numbers[:-1])
    assert windows.valid.all()
    ended = {origin: each.terminal for origin, each in zip(story.origins, story.transitions, strict=True)}
    assert windows.terminated.tolist() == [[float(ended[int(n)]) for n in row] for row in numbers[:-1]]
    assert windows.first.tolist() == [[story.slots[int(n)] for n in row] for row in numbers]
    assert not windows.first[1:].any()
    assert not windows.terminated[:-1].any()


@given(ops=ops, length=st.integers(1, 4))
def test_windows_across_resets_are_all_that_is_held(ops: list[str], length: int) -> None:
    replay = make_replay(12, Draw(length, 1, across_resets=True))
    story = Story(replay)
    for op in ops:
        story.do(op)
    windows = every_window(replay, length, across_resets=True)
    expected = list(range(replay.oldest, len(story.slots) - length))
    assert (windows.observations[0, :, 0].tolist() if windows else []) == expected
    if windows is None:
        return
    numbers = windows.observations[..., 0]
    assert torch.equal(numbers, numbers[:1] + torch.arange(length + 1).unsqueeze(1))
    assert windows.first.tolist() == [[story.slots[int(n)] for n in row] for row in numbers]
    assert windows.valid.tolist() == [[int(n) in story.origins for n in row] for row in numbers[:-1]]
    # An episode's last observation has no action: it reads 0 whatever an older slot left in that row.
    assert torch.equal(windows.actions[..., 0], torch.where(windows.valid, numbers[:-1] + 0.5, 0.0))
    assert torch.equal(windows.rewards, torch.where(windows.valid, 10.0 * numbers[:-1], 0.0))


def test_windows_across_resets_by_hand() -> None:
    """Two episodes: 0 -> 1 -> 2 terminal, then 3 -> 4."""
    replay = make_replay(10, Draw(2, 1, across_resets=True), Draw(2, 1))
    story = Story(replay)
    for op in ("step", "terminate", "step"):
        story.do(op)
    windows = every_window(replay, 2, across_resets=True)
    assert windows is not None
    assert windows.observations[..., 0].T.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert windows.terminated.T.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert windows.valid.T.tolist() == [[True, True], [True, False], [False, True]]
    assert windows.first.T.tolist() == [[True, False, False], [False, False, True], [False, True, False]]
    assert replay.admissible(2) == 1


@given(before=ops, after=ops, capacity=st.integers(3, 20), parts=st.lists(st.integers(0, 100), max_size=3))
def test_a_loaded_replay_goes_on_the_same(before: list[str], after: list[str], capacity: int, parts: list[int]) -> None:
    draws = Draw(1, 1), Draw(3, 1), Draw(2, 1, across_resets=True)
    replay = make_replay(capacity, *draws)
    story = Story(replay)
    for op in before:
        story.do(op)

    other = make_replay(capacity, *draws)
    # A first part may begin with slots that are long gone: their content is nothing to rely on.
    begin = replay.oldest // 7 * 7
    rows = replay.rows(replay.oldest, replay.head)
    gone = replay.oldest - begin
    rows = {name: np.concatenate([np.full((gone, *v.shape[1:]), 7, v.dtype), v]) for name, v in rows.items()}
    for values in rows.values():
        values.setflags(write=False)  # as when mapped from a file
    cuts = sorted({0, *(min(cut, replay.head - begin) for cut in parts), replay.head - begin})
    pieces = [(begin + a, {k: v[a:b] for k, v in rows.items()}) for a, b in pairwise(cuts)]
    other.load(replay.state(), pieces)

    story.replays.append(other)
    for op in after:
        story.do(op)
    assert other.state() == replay.state()
    for draw in draws:
        assert other.admissible(draw.length, draw.across_resets) == replay.admissible(draw.length, draw.across_resets)
        if not replay.admissible(draw.length, draw.across_resets):
            continue
        wide = replace(draw, batch=50)
        one, two = NoiseSource(0, "test"), NoiseSource(0, "test")
        for _ in range(2):
            assert equal(replay.sample(wide, one), other.sample(wide, two))


def test_every_window_is_equally_likely() -> None:
    replay = make_replay(60, Draw(3, 1))
    story = Story(replay)
    for step in range(150):  # the ring has been overwritten and holds several episode ends
        story.do("terminate" if step % 17 == 16 else "truncate" if step % 23 == 22 else "step")
    count, draws = replay.admissible(3), 40_000
    drawn = replay.sample(Draw(3, draws), NoiseSource(3, "test")).observations[0, :, 0].to(torch.int64)
    observed = torch.bincount(drawn - drawn.min()).to(torch.float64)
    observed = observed[observed > 0]
    assert len(observed) == count > 40
    statistic = float(((observed - draws / count) ** 2 / (draws / count)).sum())
    assert statistic < count - 1 + 4 * (2 * (count - 1)) ** 0.5  # mean and four deviations of chi-square


def test_draws_of_one_sample_are_independent() -> None:
    replay = make_replay(50, Draw(1, 1))
    story = Story(replay)
    for _ in range(50):
        story.do("step")
    drawn = replay.sample(Draw(1, 20_000), NoiseSource(4, "test")).observations[0, :, 0].to(torch.float64)
    pairs = torch.corrcoef(torch.stack((drawn[:-1], drawn[1:])))
    assert abs(float(pairs[0, 1])) < 0.03


def test_pixels_stay_bytes_and_are_stored_once() -> None:
    replay = ReplayBuffer(100, (3, 4, 4), np.uint8, 2, [Draw(2, 1)])
    frames = np.random.default_rng(0).integers(0, 256, (8, 3, 4, 4)).astype(np.uint8)
    replay.begin_episode(frames[0])
    for frame in frames[1:]:
        replay.append(np.zeros(2, np.float32), 0.0, False, frame)
    assert replay.head == 8  # seven transitions, eight observations
    rows = replay.rows(0, replay.head)
    assert rows["observation"].dtype == np.uint8
    assert np.array_equal(rows["observation"], frames)
    batch = replay.sample(Draw(2, 5), NoiseSource(0, "test"))
    assert batch.observations.dtype == torch.uint8
    assert batch.observations.shape == (3, 5, 3, 4, 4)


def test_an_observation_that_the_environment_overwrites_is_kept() -> None:
    replay = make_replay(10, Draw(1, 1))
    observation = np.array([1.0], np.float32)
    replay.begin_episode(observation)
    observation[:] = 2.0
    replay.append(np.zeros(1, np.float32), 0.0, False, observation)
    observation[:] = 3.0
    assert replay.rows(0, 2)["observation"][:, 0].tolist() == [1.0, 2.0]


def test_the_cut_at_the_end_of_warm_up_is_not_crossed() -> None:
    """The running episode is dropped without an end of its own; its last observation has no successor."""
    replay = make_replay(100, Draw(2, 1))
    story = Story(replay)
    for op in ("step", "step", "step", "cut", "step", "step"):
        story.do(op)
    windows = every_window(replay, 2)
    assert windows is not None
    assert windows.observations[0, :, 0].tolist() == [0, 1, 4]


def test_a_terminal_transition_may_only_end_a_window() -> None:
    replay = make_replay(100, Draw(3, 1), Draw(1, 1))
    story = Story(replay)
    for op in ("step", "step", "terminate"):
        story.do(op)
    windows = every_window(replay, 3)
    assert windows is not None
    assert windows.terminated[:, 0].tolist() == [0.0, 0.0, 1.0]
    assert replay.admissible(1) == 3


def test_truncation_bootstraps() -> None:
    replay = make_replay(100, Draw(1, 1))
    story = Story(replay)
    for op in ("step", "truncate"):
        story.do(op)
    windows = every_window(replay, 1)
    assert windows is not None
    assert windows.terminated.tolist() == [[0.0, 0.0]]


def test_repeat_puts_independent_draws_on_a_leading_axis() -> None:
    replay = make_replay(100, Draw(2, 4, repeat=3))
    story = Story(replay)
    for _ in range(100):
        story.do("step")
    batch = replay.sample(Draw(2, 4, repeat=3), NoiseSource(0, "test"))
    assert batch.observations.shape == (3, 3, 4, 1)
    assert batch.actions.shape == (3, 2, 4, 1)
    assert batch.rewards.shape == batch.terminated.shape == batch.valid.shape == (3, 2, 4)
    assert batch.first.shape == (3, 3, 4)
    assert torch.equal(batch.rewards, 10.0 * batch.observations[:, :-1, :, 0])
    assert not torch.equal(batch.observations[0], batch.observations[1])


def test_a_draw_before_there_is_a_window_says_what_is_held() -> None:
    replay = make_replay(100, Draw(3, 1))
    story = Story(replay)
    story.do("step")
    story.do("step")
    with pytest.raises(NotEnoughData, match="the replay holds 2 transitions and no window of 3 yet"):
        replay.sample(Draw(3, 1), NoiseSource(0, "test"))


@pytest.mark.parametrize("wrong", [{"length": 0}, {"batch": 0}, {"repeat": 0}])
def test_a_draw_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="length, batch and repeat of at least 1"):
        Draw(**{"length": 1, "batch": 1, **wrong})


def test_windows_of_a_length_that_no_draw_named() -> None:
    """An agent that fits without draws reads what it wants by slots."""
    replay = make_replay(100)
    story = Story(replay)
    for _ in range(9):
        story.do("step")
    windows = replay.windows(torch.tensor([0, 4]), 5)
    assert windows.observations[..., 0].T.tolist() == [[0, 1, 2, 3, 4, 5], [4, 5, 6, 7, 8, 9]]


def test_a_batch_stays_where_it_is() -> None:
    replay = make_replay(100, Draw(1, 1))
    story = Story(replay)
    story.do("step")
    batch = replay.sample(Draw(1, 2), NoiseSource(0, "test"))
    assert batch.to(torch.device("cpu")) is batch
    elsewhere = batch.to(torch.device("meta"))
    assert {getattr(elsewhere, each.name).device.type for each in fields(Batch)} == {"meta"}


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_rows_are_written_alike_on_every_device(dtype: str) -> None:
    """On a GPU there are no numpy views to write through; here they are taken away."""
    replays = [ReplayBuffer(30, (2, 3), dtype, 2, [Draw(length=2, batch=4)]) for _ in range(2)]
    replays[1]._views = None
    for replay in replays:
        generator = np.random.default_rng(0)
        for step in range(50):
            if step % 7 == 0:
                replay.begin_episode((255 * generator.random((2, 3))).astype(dtype))
            action = generator.random(2).astype(np.float32)
            replay.append(action, generator.random(), step % 7 == 6, (255 * generator.random((2, 3))).astype(dtype))
    one, other = (replay.rows(replay.oldest, replay.head) for replay in replays)
    assert all(np.array_equal(one[name], other[name]) for name in one)
