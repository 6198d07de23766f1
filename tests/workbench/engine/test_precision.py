"""Which arithmetic a run gets, that it is refused where it cannot be had, and what bf16 does to the numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.workbench.engine.group_updates import Group, largest_difference
from workbench.engine.acceleration import GroupUpdate
from workbench.engine.precision import PrecisionClaim, autocast, resolve_precision
from workbench.settings import SettingsError
from workbench.spec import EngineSettings, new_spec

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


@pytest.fixture(autouse=True)
def switch_restored() -> Iterator[None]:
    before = torch.backends.cuda.matmul.fp32_precision
    yield
    assert torch.backends.cuda.matmul.fp32_precision == before


def test_each_device_has_its_default() -> None:
    assert resolve_precision("auto", CPU) == "fp32"
    assert resolve_precision("auto", GPU) == "tf32"
    assert [resolve_precision(choice, GPU) for choice in ("fp32", "tf32", "bf16")] == ["fp32", "tf32", "bf16"]


def test_tf32_is_not_to_be_had_on_a_cpu() -> None:
    with pytest.raises(SettingsError, match=r"engine\.precision: tf32 needs a CUDA device; on a CPU expected fp32"):
        GroupUpdate([], EngineSettings(precision="tf32"), CPU)


def test_the_switch_is_set_while_a_run_claims_it() -> None:
    switch = torch.backends.cuda.matmul
    first, second = PrecisionClaim("tf32", GPU), PrecisionClaim("bf16", GPU)
    assert switch.fp32_precision == "tf32"
    first.release()
    first.release()
    assert switch.fp32_precision == "tf32"
    second.release()
    with PrecisionClaim("fp32", GPU):
        assert switch.fp32_precision == "ieee"


def test_runs_that_need_it_the_other_way_round_are_refused() -> None:
    with PrecisionClaim("tf32", GPU):
        with pytest.raises(SettingsError) as refused:
            PrecisionClaim("fp32", GPU)
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        PrecisionClaim("fp32", CPU).release()  # a CPU has no such switch
    assert str(refused.value) == (
        "engine.precision: fp32 cannot be had while runs in tf32 or bf16 are under way on a GPU, because torch has one "
        "switch for all of them; expected tf32 or bf16, or a start after they have ended"
    )
    with PrecisionClaim("fp32", GPU), pytest.raises(SettingsError, match="tf32 cannot be had while runs in fp32"):
        PrecisionClaim("tf32", GPU)


def test_autocast_rounds_products_and_nothing_else() -> None:
    x = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    with autocast("bf16", CPU):
        assert (x @ x).dtype == torch.bfloat16
        assert (x + x).dtype == torch.float32
    with autocast("fp32", CPU):
        assert (x @ x).dtype == torch.float32


def test_weights_that_change_between_two_uses_are_cast_anew() -> None:
    """Losses of one update share networks, and optimisers move them in between."""
    weight, x = torch.nn.Parameter(torch.eye(4)), torch.ones(4, 4)
    with autocast("bf16", CPU):
        before = torch.nn.functional.linear(x, weight)
        with torch.no_grad():
            weight.mul_(2.0)
        assert torch.equal(torch.nn.functional.linear(x, weight), 2.0 * before)


def test_updates_in_bf16_learn_the_same_but_for_rounding() -> None:
    """Weights and moments stay fp32."""
    rounded, exact = Group(CPU, precision="bf16"), Group(CPU, precision="fp32")
    losses = [each.run(1)[0] for each in (rounded, exact)]
    for name, value in losses[1].items():
        if name.startswith("loss/"):
            assert losses[0][name] == pytest.approx(value, rel=0.03, abs=0.02), name
    assert losses[0] != losses[1]
    tensors = rounded.agents[0].state().tensors
    assert {tensor.dtype for name, tensor in tensors.items() if name.startswith(("network/", "optimiser/"))} == {
        torch.float32
    }
    for each in (rounded, exact):
        each.run(9)
    assert 0.0 < largest_difference(rounded.agents[0], exact.agents[0]) < 1.5


def test_a_default_is_comparable_with_itself_named() -> None:
    """What was recorded before there was a choice stays comparable."""
    hashes = {
        choice: new_spec("alm", "Pendulum-v1", {"engine.precision": choice}).content_hash()
        for choice in ("auto", "fp32", "tf32", "bf16")
    }
    assert hashes["auto"] == hashes["fp32"]
    assert len(set(hashes.values())) == 3
