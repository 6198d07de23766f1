"""The optimiser's step against torch's plain one, and what happens to numbers that are not finite."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from workbench.agents.optimisation import GradientStep, NonFiniteWatch, soft_update
from workbench.noise import NoiseSource

CPU = torch.device("cpu")


def weights() -> list[nn.Parameter]:
    noise = NoiseSource(0, "test")
    return [nn.Parameter(noise.normal(shape)) for shape in ((4, 3), (4,), (2, 4))]


def loss_of(parameters: list[nn.Parameter], number: int) -> Tensor:
    x = NoiseSource(number, "loss").normal((8, 3))
    hidden = (x @ parameters[0].T + parameters[1]).tanh()
    return 10.0 * (hidden @ parameters[2].T).square().mean()


@pytest.mark.parametrize("max_norm", [0.5, 1e9])
def test_a_step_is_a_clipped_step_of_plain_adam(max_norm: float) -> None:
    mine, theirs = weights(), weights()
    step = GradientStep(mine, 0.01, max_norm)
    adam = torch.optim.Adam(theirs, lr=0.01, foreach=False)
    for number in range(5):
        norm = step(loss_of(mine, number))
        adam.zero_grad()
        loss_of(theirs, number).backward()
        expected = nn.utils.clip_grad_norm_(theirs, max_norm)
        adam.step()
        assert float(norm) == pytest.approx(float(expected), rel=1e-5)
        for one, other in zip(mine, theirs, strict=True):
            assert torch.allclose(one, other, rtol=1e-5, atol=1e-7)
    for number, other in enumerate(theirs):  # Adam's steps hardly tell how long the gradients were
        assert torch.allclose(step.state()[f"{number}.square"], adam.state[other]["exp_avg_sq"], rtol=1e-4)


def test_a_gradient_that_lies_transposed_in_memory() -> None:
    """A loss through the transpose gives such gradients; the kernel would add them to the wrong weights."""
    mine, theirs = (nn.Parameter(NoiseSource(0, "test").normal((4, 3))) for _ in range(2))
    weight = NoiseSource(1, "test").normal((3, 4))

    def loss(parameter: Tensor) -> Tensor:
        return (parameter.T.sin() * weight).sum()

    step, adam = GradientStep([mine], 0.01, 1e9), torch.optim.Adam([theirs], lr=0.01, foreach=False)
    for _ in range(3):
        step(loss(mine))
        adam.zero_grad()
        loss(theirs).backward()
        adam.step()
    assert torch.allclose(mine, theirs, rtol=1e-5, atol=1e-7)


def test_other_parameters_get_no_gradient() -> None:
    moved, frozen = weights(), nn.Parameter(torch.ones(()))
    GradientStep(moved, 0.01, 1.0)(frozen * loss_of(moved, 0))
    assert frozen.grad is None
    assert frozen.item() == 1.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda parameters: loss_of(parameters, 1) * float("nan"),
        lambda parameters: loss_of(parameters, 1) * float("inf"),
        lambda parameters: loss_of(parameters, 1) + float("inf"),  # a loss alone: its gradient is finite
        lambda parameters: (parameters[0] * 0.0).sqrt().sum(),  # a gradient alone: the loss is 0
    ],
)
def test_a_step_that_is_not_finite_changes_nothing(spoil: Callable[[list[nn.Parameter]], Tensor]) -> None:
    mine, theirs = weights(), weights()
    step, other = GradientStep(mine, 0.01, 1.0), GradientStep(theirs, 0.01, 1.0)
    step(loss_of(mine, 0))
    other(loss_of(theirs, 0))
    loss = spoil(mine)
    missing = any(g is None for g in torch.autograd.grad(loss, mine, retain_graph=True, allow_unused=True))
    step(loss + 0.0 * sum(each.sum() for each in mine) if missing else loss)
    for one, two in zip(mine, theirs, strict=True):
        assert torch.equal(one, two)
    step(loss_of(mine, 2))  # and it goes on as if that step had never been
    other(loss_of(theirs, 2))
    assert step.state().keys() == other.state().keys()
    assert all(torch.equal(step.state()[name], other.state()[name]) for name in step.state())
    for one, two in zip(mine, theirs, strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("before", [0, 3])
def test_an_optimiser_goes_on_where_it_was_left(before: int) -> None:
    mine = weights()
    step = GradientStep(mine, 0.01, 1.0)
    for number in range(before):
        step(loss_of(mine, number))
    theirs = [nn.Parameter(each.detach().clone()) for each in mine]
    other = GradientStep(theirs, 0.01, 1.0)
    other(loss_of(theirs, 9))  # whatever it did before
    for one, two in zip(theirs, mine, strict=True):
        one.data.copy_(two)
    other.load({name: value.clone() for name, value in step.state().items()})
    for number in range(2):
        assert torch.equal(step(loss_of(mine, number)), other(loss_of(theirs, number)))
    for one, two in zip(mine, theirs, strict=True):
        assert torch.equal(one, two)


def test_the_first_number_that_was_not_finite_is_remembered() -> None:
    watch = NonFiniteWatch(CPU)
    good, bad = torch.tensor(1.0), torch.tensor(float("nan"))
    assert watch.first() is None
    watch.look({"loss/a": good, "loss/b": good})
    assert watch.first() is None
    watch.look({"loss/a": good, "loss/b": bad})
    watch.look({"loss/a": -bad / 0, "loss/b": bad})
    watch.look({"loss/a": good, "loss/b": good})
    assert watch.first() == ("loss/b", 2)


def test_of_two_at_once_one_is_named() -> None:
    watch = NonFiniteWatch(CPU)
    watch.look({"loss/b": torch.tensor(float("inf")), "loss/a": torch.tensor(float("nan"))})
    assert watch.first() in (("loss/a", 1), ("loss/b", 1))


def test_a_loss_is_named_before_the_gradient_norm_that_it_spoils() -> None:
    watch = NonFiniteWatch(CPU)
    bad = torch.tensor(float("nan"))
    watch.look({"gradient_norm/critic": bad, "loss/critic": bad})
    assert watch.first() == ("loss/critic", 1)
    earlier = NonFiniteWatch(CPU)
    earlier.look({"gradient_norm/critic": bad, "loss/critic": torch.tensor(1.0)})
    earlier.look({"gradient_norm/critic": bad, "loss/critic": bad})
    assert earlier.first() == ("gradient_norm/critic", 1)


def test_a_target_moves_by_its_rate() -> None:
    target, source = (nn.ParameterList(weights()) for _ in range(2))
    with torch.no_grad():
        source[0].mul_(3.0)
        pairs = zip(target.parameters(), source.parameters(), strict=True)
        expected = [0.9 * own + 0.1 * other for own, other in pairs]
    soft_update(target, source, 0.1)
    for mine, theirs in zip(target.parameters(), expected, strict=True):
        assert torch.allclose(mine, theirs)
        assert mine.requires_grad
