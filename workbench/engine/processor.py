"""How a CPU is used: which library multiplies matrices, how memory is kept, threads and denormals of a worker.

Torch multiplies fp32 matrices with the library it was built with; its x86 builds use MKL, which reaches half the speed
of an AMD core. Told that fp32 products may be rounded to bf16, torch hands them to oneDNN instead. Where the processor
has matrix units for bf16 (AMX) oneDNN uses them and rounds; where it has none, it computes in full fp32, as fast as the
core can. What comes out decides: products of real shapes are compared with float64, and only then with the clock.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Multiply = Callable[[Tensor, Tensor], Tensor]

#: relative error that fp32 keeps (measured 3e-7 to 7e-7); one factor rounded to bf16 gives 2e-3, to tf32 2e-4
LARGEST_ERROR = 1e-5
#: how much faster another library must be: with less, the noise of the measurement would decide how numbers are rounded
SMALLEST_GAIN = 1.2

#: members, rows, inputs, outputs of layers that are tried
_LAYERS = ((1, 512, 56, 512), (1, 256, 512, 100), (1, 128, 1024, 1024), (1, 256, 512, 512), (2, 128, 512, 512))


@dataclass(frozen=True)
class MatmulRoute:
    """Which library multiplies fp32 matrices (``torch``: its own), its relative error, and why it was chosen."""

    name: Literal["torch", "onednn"]
    relative_error: float
    reason: str

    def __str__(self) -> str:
        library = {"torch": "torch's own library", "onednn": "oneDNN"}[self.name]
        return f"{library}, relative error {self.relative_error:.0e}: {self.reason}"


_lock = threading.Lock()
_chosen: MatmulRoute | None = None


def prepare_cpu(matmul: str = "auto") -> MatmulRoute:
    """Prepare this process for training on its CPU; call it before anything is trained, as often as you like.

    Both settings hold for the whole process: numbers would change in the middle of a run if a later call changed them.

    Args:
        matmul: ``auto``, or ``torch`` to keep torch's own library; the first call decides.

    Returns:
        the route that was chosen.
    """
    global _chosen
    with _lock:
        if _chosen is None:
            keep_memory()
            _chosen = _choose_for_process(matmul)
        return _chosen


def use_threads(count: int) -> None:
    """Give torch ``count`` intra-op threads in the calling thread, and let its numbers below 1e-38 be zero.

    A thread that never says how many it wants takes the number last set anywhere. Numbers so small, like the moments of
    weights whose gradient vanished, make Adam 30 times and products 200 times slower.
    """
    torch.set_num_threads(count)
    torch.set_flush_denormal(True)


def keep_memory() -> bool:
    """Let glibc keep freed tensors: it returns megabytes to the kernel at each free and has them zeroed at each use.

    Returns:
        whether the C library could be told.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    values = {mmap_threshold: 256 << 20, trim_threshold: 512 << 20, top_pad: 64 << 20}
    return all(mallopt(parameter, value) == 1 for parameter, value in values.items())


# ---- which library multiplies ---------------------------------------------------------------------------------------


def _choose_for_process(matmul: str) -> MatmulRoute:
    if matmul == "torch":
        return MatmulRoute("torch", largest_error(torch.matmul), "the settings ask for it")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with onednn_matmul() as available:
            pass
        route = choose_route(torch.matmul, _multiply_by_onednn if available else None)
    finally:
        torch.set_num_threads(threads)
    if route.name == "onednn":
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # type: ignore[attr-defined]
    return route


def choose_route(own: Multiply, other: Multiply | None) -> MatmulRoute:
    """torch's ``own`` products, or oneDNN's (``other``; None: there are none) if they are as exact and faster."""
    own_error = largest_error(own)
    if other is None:
        return MatmulRoute("torch", own_error, "this torch cannot hand fp32 products to oneDNN")
    error = largest_error(other)
    if not error <= LARGEST_ERROR:
        return MatmulRoute("torch", own_error, f"oneDNN rounds on this processor, relative error {error:.0e}")
    gain = _gain(own, other)
    if gain < SMALLEST_GAIN:
        return MatmulRoute("torch", own_error, f"oneDNN is not clearly faster here, {gain:.2f} times the speed")
    return MatmulRoute("onednn", error, f"{gain:.1f} times the speed of torch's own")


def largest_error(multiply: Multiply) -> float:
    """Largest relative error (Frobenius norm, against float64) of the products of layers, forwards and backwards."""
    errors = []
    for left, right in _operands():
        exact = left.double() @ right.double()
        errors.append((multiply(left, right) - exact).norm() / exact.norm())
    return float(torch.stack(errors).amax())  # NaN if one is


def _operands() -> Iterable[tuple[Tensor, Tensor]]:
    """Factors of each layer's output, input gradient and weight gradient, laid out as autograd does."""
    generator = torch.Generator().manual_seed(0)
    for members, rows, inputs, outputs in _LAYERS:
        x = torch.randn(members, rows, inputs, generator=generator)
        weight = torch.randn(members, outputs, inputs, generator=generator)
        gradient = torch.randn(members, rows, outputs, generator=generator)
        for left, right in ((x, weight.mT), (gradient, weight), (gradient.mT, x)):
            yield (left, right) if members > 1 else (left[0], right[0])


def _gain(own: Multiply, other: Multiply) -> float:
    """How many times as fast ``other`` is; each one's best of several rounds, taken in turns."""
    operands = list(_operands())
    best = [float("inf"), float("inf")]
    for _ in range(7):
        for number, multiply in enumerate((own, other)):
            start = time.thread_time()
            for left, right in operands:
                multiply(left, right)
            best[number] = min(best[number], time.thread_time() - start)
    return best[0] / best[1]


def _multiply_by_onednn(left: Tensor, right: Tensor) -> Tensor:
    with onednn_matmul():
        return left @ right


@contextlib.contextmanager
def onednn_matmul() -> Iterator[bool]:
    """fp32 products go to oneDNN meanwhile, in the whole process; yields whether this torch can do so."""
    backend = getattr(torch.backends.mkldnn, "matmul", None)
    before = getattr(backend, "fp32_precision", None)
    if before is None or not torch.backends.mkldnn.is_available():
        yield False
        return
    try:
        backend.fp32_precision = "bf16"  # type: ignore[union-attr]
        yield True
    finally:
        backend.fp32_precision = before  # type: ignore[union-attr]
