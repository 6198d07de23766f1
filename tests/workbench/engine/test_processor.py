"""The CPU's matrix products stay fp32 whatever the processor does; memory is kept; threads are set where asked."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor

from workbench.engine import processor
from workbench.engine.processor import (
    LARGEST_ERROR,
    MatmulRoute,
    choose_route,
    largest_error,
    onednn_matmul,
    prepare_cpu,
    use_threads,
)

ROOT = Path(__file__).parents[3]
CPU_INFO = Path("/proc/cpuinfo")


def bf16(left: Tensor, right: Tensor) -> Tensor:
    return left.bfloat16().float() @ right.bfloat16().float()


def tf32(left: Tensor, right: Tensor) -> Tensor:
    """Ten bits of mantissa are kept."""
    kept = [(factor.contiguous().view(torch.int32) & ~0x1FFF).view(torch.float32) for factor in (left, right)]
    return kept[0] @ kept[1]


def one_factor(left: Tensor, right: Tensor) -> Tensor:
    return left @ right.bfloat16().float()


def transposed_only(left: Tensor, right: Tensor) -> Tensor:
    return left @ right if left.is_contiguous() else bf16(left, right)


def batched_only(left: Tensor, right: Tensor) -> Tensor:
    return left @ right if left.ndim == 2 else bf16(left, right)


def wide_only(left: Tensor, right: Tensor) -> Tensor:
    return bf16(left, right) if right.shape[-1] == 1024 else left @ right


def broken(left: Tensor, right: Tensor) -> Tensor:
    return torch.full_like(left @ right, float("nan"))


ROUNDING = [bf16, tf32, one_factor, transposed_only, batched_only, wide_only, broken]


def three_times(left: Tensor, right: Tensor) -> Tensor:
    for _ in range(2):
        left @ right
    return left @ right


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if nothing had been chosen yet; afterwards as it was."""
    monkeypatch.setattr(processor, "_chosen", None)
    before = torch.backends.mkldnn.matmul.fp32_precision
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


def test_fp32_products_pass_the_error_test() -> None:
    assert 0 < largest_error(torch.matmul) < LARGEST_ERROR / 5


@pytest.mark.parametrize("multiply", ROUNDING)
def test_any_rounding_fails_the_error_test(multiply: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert not largest_error(multiply) < 5 * LARGEST_ERROR


@pytest.mark.parametrize("multiply", [bf16, batched_only, broken])
def test_a_rounding_library_is_refused_however_fast_it_is(multiply: Callable[[Tensor, Tensor], Tensor]) -> None:
    route = choose_route(three_times, multiply)
    assert route.name == "torch"
    assert route.relative_error < LARGEST_ERROR
    assert "rounds" in route.reason


def test_an_exact_and_faster_library_is_taken() -> None:
    route = choose_route(three_times, torch.matmul)
    assert route.name == "onednn"
    assert route.relative_error < LARGEST_ERROR
    assert "times the speed" in route.reason


def test_an_exact_library_that_is_no_faster_is_not_taken() -> None:
    for other in (three_times, None):
        assert choose_route(torch.matmul, other).name == "torch"


def test_onednn_is_only_used_inside_its_context() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    with pytest.raises(KeyError), onednn_matmul() as available:
        assert available
        assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
        raise KeyError
    assert torch.backends.mkldnn.matmul.fp32_precision == before


@pytest.mark.usefixtures("fresh_process")
def test_whatever_is_chosen_here_computes_in_fp32() -> None:
    route = prepare_cpu()
    assert largest_error(torch.matmul) < LARGEST_ERROR
    assert largest_error(torch.matmul) == pytest.approx(route.relative_error, rel=0.2)
    assert str(route).startswith({"torch": "torch's own library", "onednn": "oneDNN"}[route.name])


@pytest.mark.skipif(not CPU_INFO.exists() or "amx_bf16" not in CPU_INFO.read_text(), reason="needs AMX")
@pytest.mark.usefixtures("fresh_process")
def test_on_amx_onednn_is_refused() -> None:
    route = prepare_cpu()
    assert route.name == "torch"
    assert "rounds" in route.reason


@pytest.mark.usefixtures("fresh_process")
def test_a_process_chooses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    choices: list[str] = []

    def choose(matmul: str) -> MatmulRoute:
        choices.append(matmul)
        return MatmulRoute("torch", 1e-7, matmul)

    monkeypatch.setattr(processor, "_choose_for_process", choose)
    with ThreadPoolExecutor(8) as pool:
        routes = list(pool.map(prepare_cpu, ["auto"] * 8))
    assert choices == ["auto"]
    assert prepare_cpu("torch") is routes[0]


@pytest.mark.usefixtures("fresh_process")
def test_the_settings_can_ask_for_torchs_own() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    route = prepare_cpu("torch")
    assert (route.name, route.reason) == ("torch", "the settings ask for it")
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def in_a_thread(work: Callable[[], object]) -> object:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_threads_and_denormals_belong_to_one_thread() -> None:
    def product() -> float:
        return float(torch.full((64,), 1e-30).mul(1e-10)[0])

    def work() -> tuple[int, float]:
        use_threads(2)
        return torch.get_num_threads(), product()

    before = torch.get_num_threads()
    try:
        assert in_a_thread(work) == (2, 0.0)
        assert torch.get_num_threads() == before
        assert product() > 0.0
    finally:
        torch.set_num_threads(before)  # else a thread that never sets it takes the 2


@pytest.mark.skipif(sys.platform != "linux", reason="needs the C library's mallopt")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    script = """
import resource
from workbench.engine.processor import keep_memory

def faults():
    for _ in range(2):
        bytearray(40 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        bytearray(40 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(), keep_memory(), faults())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    before, told, after = done.stdout.split()
    if told == "False":
        pytest.skip("this C library has no mallopt")
    assert int(after) < int(before) / 10
