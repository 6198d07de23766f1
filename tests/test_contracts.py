"""Every registered agent keeps the contract that forms, sessions, planners and resume points rely on.

So does an agent of another kind, which is installed as a plugin for these tests.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.tiny_runs import (
    WARM_UP,
    actions_of,
    box_facts,
    make_agent,
    odd_agent_installed,
    random_observation,
    random_replay,
    same_tensors,
    stored,
    tiny_settings,
)
from workbench.agents import AGENTS
from workbench.agents.base import GradientAgent, answered
from workbench.models.world_model import OFFERS, LatentModel, NotOffered, WorldModel
from workbench.noise import NoiseSource
from workbench.replay import Draw
from workbench.settings import build, fields_of, flatten, from_json, parse, to_json, validate
from workbench.spec import AgentSettings, agent_settings

ROOT = Path(__file__).parents[1]
agents = pytest.mark.parametrize("agent", [*AGENTS, "odd"])
gradient_agents = pytest.mark.parametrize(
    "agent", [name for name, entry in AGENTS.entries().items() if issubclass(entry.load(), GradientAgent)]
)


@pytest.fixture(autouse=True)
def odd_agent() -> Iterator[None]:
    with odd_agent_installed():
        yield


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", list(AGENTS))
def test_settings_load_without_torch(agent: str) -> None:
    script = (
        "import sys; from workbench.spec import agent_settings; "
        f"agent_settings({agent!r}); print(sorted({{'torch', 'gymnasium'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@agents
def test_every_field_explains_itself_and_has_a_valid_default(agent: str) -> None:
    settings = agent_settings(agent)
    assert issubclass(settings, AgentSettings)
    assert settings.name == agent
    validate(settings())
    for field in fields_of(settings):
        assert len(field.help) > 10, f"{field.path} has no help"
        assert field.help.endswith("."), f"{field.path}: the help is no sentence"
        assert field.kind != "str" or field.choices, f"{field.path}: text without choices cannot be checked"
        if field.ablation:
            assert field.source, f"{field.path}: an ablation names the figure, table or equation it is about"


@agents
def test_settings_survive_json_and_the_command_line(agent: str) -> None:
    settings = agent_settings(agent)()
    document = json.loads(json.dumps(to_json(settings)))
    assert from_json(type(settings), document) == settings
    # The same text again: what is hashed does not depend on how a number was written.
    assert json.dumps(flatten(build(type(settings), flatten(settings)))) == json.dumps(flatten(settings))
    flat = flatten(settings)
    words = {k: ",".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in flat.items()}
    for field in fields_of(type(settings)):
        if field.kind != "choice":
            assert parse(field, words[field.path]) == field.default
    assert build(type(settings), words) == settings


# ---- the agent ------------------------------------------------------------------------------------------------------


@agents
@pytest.mark.parametrize(("shape", "dtype"), [((3,), "float32"), ((2, 4, 4), "uint8")])
def test_an_agent_acts_in_any_box_task(agent: str, shape: tuple[int, ...], dtype: str) -> None:
    facts = box_facts(shape, dtype)
    made = make_agent(agent, tiny_settings(agent), facts)
    assert all(isinstance(draw, Draw) for draw in made.draws.values())
    for mode in ("explore", "evaluate"):
        before = stored(made.state())
        first, again = (actions_of(made, facts, mode) for _ in range(2))
        for action, repeated in zip(first, again, strict=True):
            assert action.shape == (facts.action_size,)
            assert action.dtype == np.float32
            assert np.array_equal(action, repeated)  # nothing but the noise given decides
            if mode == "explore":
                assert (action >= facts.action_low).all()
                assert (action <= facts.action_high).all()
        after = made.state()
        assert same_tensors(before.tensors, after.tensors)  # acting leaves the agent as it is
        assert before.document == stored(after).document
    replay = random_replay(made, facts)
    for _ in answered(made.learn(replay, WARM_UP + 1)):
        pass


@agents
def test_learning_waits_for_the_end_of_warm_up(agent: str) -> None:
    made = make_agent(agent, tiny_settings(agent), box_facts())
    replay = random_replay(made, box_facts())
    assert [list(answered(made.learn(replay, step))) for step in (1, WARM_UP)] == [[], []]
    assert made.updates == 0


@gradient_agents
def test_a_gradient_agent_makes_its_updates_per_step(agent: str) -> None:
    made = make_agent(agent, tiny_settings(agent, updates_per_step=3), box_facts())
    replay = random_replay(made, box_facts())
    for step in (WARM_UP + 1, WARM_UP + 2):
        assert len(list(answered(made.learn(replay, step)))) == 3
    assert made.updates == 6


@agents
def test_metrics_are_numbers_on_the_device(agent: str) -> None:
    made = make_agent(agent, tiny_settings(agent), box_facts())
    for metrics in answered(made.learn(random_replay(made, box_facts()), WARM_UP + 1)):
        for name, value in metrics.items():
            group, _, rest = name.partition("/")
            assert group, name
            assert rest, name
            assert isinstance(value, torch.Tensor)
            assert value.ndim == 0, name
            assert not value.requires_grad, f"{name} keeps the whole graph alive"
            assert value.isfinite(), name


# What makes the host wait for a device, or lets a value decide what happens next.
WAITING_METHODS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "nonzero")
WAITING_CALLS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique", "_unique2"}


class NoWaiting(TorchDispatchMode):
    """Refuses the operations whose result, or the shape of it, depends on values."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in WAITING_CALLS, f"{name} waits for the device"
        if name in ("index", "index_put", "index_put_"):
            masks = [each for each in args[1] if each is not None and each.dtype in (torch.bool, torch.uint8)]
            assert not masks, "indexing with a mask waits for the device"
        return func(*args, **(kwargs or {}))


@contextmanager
def no_host_synchronisation() -> Iterator[None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a value left the device")

    with mock.patch.multiple(torch.Tensor, **dict.fromkeys(WAITING_METHODS, refuse)), NoWaiting():
        yield


def test_the_watch_for_host_synchronisation_sees_it() -> None:
    x = torch.ones(3)
    for wait in (
        lambda: x.sum().item(),
        lambda: bool(x.sum() > 0),
        lambda: float(x[0]),
        lambda: x[x > 0],
        lambda: x.tolist(),
        lambda: torch.nonzero(x),
        lambda: torch.equal(x, x),
    ):
        with pytest.raises(AssertionError), no_host_synchronisation():
            wait()


@gradient_agents
def test_sampling_and_updating_never_wait_for_the_device(agent: str) -> None:
    made = make_agent(agent, tiny_settings(agent), box_facts())
    assert isinstance(made, GradientAgent)
    replay = random_replay(made, box_facts())
    list(answered(made.learn(replay, WARM_UP + 1)))
    schedule = {name: torch.tensor(value) for name, value in made.schedule(WARM_UP + 2).items()}
    with no_host_synchronisation():
        batches = {name: replay.sample(draw, made.noise, name) for name, draw in made.draws.items()}
        made.update(batches, schedule)


@agents
def test_the_global_generators_are_left_alone(agent: str) -> None:
    """Threads share them: whoever drew from them would change every other run."""
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    made = make_agent(agent, tiny_settings(agent), box_facts())
    list(answered(made.learn(random_replay(made, box_facts()), WARM_UP + 1)))
    actions_of(made, box_facts(), "explore")
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]
    assert random.getstate() == states[2]


@agents
def test_the_seed_alone_decides(agent: str) -> None:
    def trained(seed: int) -> dict[str, torch.Tensor]:
        made = make_agent(agent, tiny_settings(agent), box_facts(), seed)
        list(answered(made.learn(random_replay(made, box_facts()), WARM_UP + 1)))
        return made.state().tensors

    assert same_tensors(trained(1), trained(1))
    assert not same_tensors(trained(1), trained(2))


@agents
@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_a_loaded_agent_goes_on_from_between_any_two_items(agent: str, taken: int) -> None:
    """Bit for bit: what it still yields for this step, the next steps, and how it acts."""
    facts, settings = box_facts(), tiny_settings(agent, updates_per_step=3)
    made = make_agent(agent, settings, facts)
    replay = random_replay(made, facts)
    made.step = WARM_UP + 1
    list(answered(made.learn(replay, WARM_UP + 1)))
    made.step = WARM_UP + 2
    items = answered(made.learn(replay, WARM_UP + 2))
    for _ in zip(range(taken), items, strict=False):
        pass
    other = make_agent(agent, settings, facts, seed=2)
    other.load(stored(made.state()))
    other.step = made.step

    rest, again = list(items), list(answered(other.learn(replay, WARM_UP + 2)))
    for step in (WARM_UP + 3, WARM_UP + 4):
        rest += answered(made.learn(replay, step))
        again += answered(other.learn(replay, step))
    assert len(rest) == len(again)
    assert all(same_tensors(one, two) for one, two in zip(rest, again, strict=True))
    assert made.updates == other.updates
    for mode in ("explore", "evaluate"):
        pairs = zip(actions_of(made, facts, mode), actions_of(other, facts, mode), strict=True)
        assert all(np.array_equal(one, two) for one, two in pairs)
    assert same_tensors(made.state().tensors, other.state().tensors)
    assert stored(made.state()).document == stored(other.state()).document


@gradient_agents
def test_a_number_that_is_not_finite_is_named_and_moves_nothing(agent: str) -> None:
    made = make_agent(agent, tiny_settings(agent), box_facts())
    assert isinstance(made, GradientAgent)
    replay = random_replay(made, box_facts())
    list(answered(made.learn(replay, WARM_UP + 1)))
    assert made.first_nonfinite() is None

    broken = random_replay(made, box_facts(), steps=0)
    broken.begin_episode(np.full(3, np.nan, np.float32))
    for _ in range(max(draw.length for draw in made.draws.values())):
        broken.append(np.zeros(2, np.float32), 0.0, False, np.full(3, np.nan, np.float32))
    before = learned(made)
    list(answered(made.learn(broken, WARM_UP + 2)))
    found = made.first_nonfinite()
    assert found is not None
    assert found[1] == 2
    assert found[0].startswith(("loss/", "gradient_norm/"))
    assert same_tensors(learned(made), before)

    list(answered(made.learn(replay, WARM_UP + 3)))
    assert made.first_nonfinite() == found  # the first one is remembered
    assert not same_tensors(learned(made), before)


def learned(agent: GradientAgent) -> dict[str, torch.Tensor]:
    """Copies of what the optimisers move, and of what they remember."""
    found = {k: v for k, v in stored(agent.state()).tensors.items() if k.startswith("optimiser/")}
    for name, optimiser in agent.optimisers.items():
        found |= {f"{name}.{n}": each.detach().clone() for n, each in enumerate(optimiser.parameters)}
    return found


@agents
def test_a_world_model_keeps_its_protocol(agent: str) -> None:
    facts = box_facts()
    made = make_agent(agent, tiny_settings(agent), facts)
    model = made.world_model()
    if model is None:
        return
    assert isinstance(model, WorldModel)
    assert isinstance(model, LatentModel)
    assert model.action_size == facts.action_size
    assert model.offers <= OFFERS
    noise = NoiseSource(0, "test")
    generator = np.random.default_rng(0)
    for leading in ((5,), (2, 3)):
        count = int(np.prod(leading))
        frames = np.stack([random_observation(generator, facts) for _ in range(count)])
        observation = torch.from_numpy(frames).reshape(*leading, *facts.observation_shape)
        action = noise.uniform((*leading, facts.action_size))
        latent = model.encode(observation)
        assert latent.shape == (*leading, model.latent_size)
        assert torch.equal(latent, model.encode(observation))
        assert model.encode(observation, noise=noise.normal(latent.shape)).shape == latent.shape
        following = model.predict(latent, action)
        assert following.shape == latent.shape
        drawn = model.predict(latent, action, noise.normal((*leading, model.noise_size)))
        assert drawn.shape == latent.shape
        assert model.noise_size == 0 or not torch.equal(drawn, following)
        assert model.reward(latent, action, following).shape == leading
        check_offers(model, latent, action, observation)


def check_offers(model: LatentModel, latent: torch.Tensor, action: torch.Tensor, observation: torch.Tensor) -> None:
    """What is offered has the right shape; what is not is refused in words."""
    leading = latent.shape[:-1]
    calls = {
        "value": (lambda: model.value(latent), leading),
        "policy": (lambda: model.policy(latent), action.shape),
        "decode": (lambda: model.decode(latent), observation.shape),
        "uncertainty": (lambda: model.uncertainty(latent, action), leading),
        "continuation": (lambda: model.continuation(latent), leading),
        "distribution": (lambda: model.predict_distribution(latent, action).mean, latent.shape),
    }
    assert set(calls) | {"gradient", "filter"} == OFFERS
    if "distribution" in model.offers:
        encoded = model.encode_distribution(observation)
        assert torch.equal(encoded.mean, model.encode(observation))
        assert encoded.std.shape == latent.shape and (encoded.std > 0).all()
    for name, (call, shape) in calls.items():
        if name in model.offers:
            assert call().shape == shape
        else:
            with pytest.raises(NotOffered, match=rf"has no {name}; beside encode, predict and reward it offers"):
                call()


@agents
def test_a_world_model_that_offers_gradients_has_them(agent: str) -> None:
    facts = box_facts()
    model = make_agent(agent, tiny_settings(agent), facts).world_model()
    if model is None or "gradient" not in model.offers:
        return
    action = torch.zeros(4, facts.action_size, requires_grad=True)
    latent = model.encode(torch.ones(4, *facts.observation_shape)).detach()
    reward = model.reward(latent, action, model.predict(latent, action))
    (gradient,) = torch.autograd.grad(reward.sum(), action)
    assert gradient.abs().sum() > 0
