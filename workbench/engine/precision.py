"""In which arithmetic a run's networks compute: fp32, TF32 or bf16 autocast, and torch's one switch for the process.

On a GPU torch has one switch for all threads that says whether fp32 products may be rounded to TF32 (10 bits of
mantissa in place of 23). A run that is under way claims it; another that needs it the other way round is refused.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import Literal, Self, cast

import torch

from workbench.engine.devices import resolve_device
from workbench.settings import Problem, SettingsError

Precision = Literal["fp32", "tf32", "bf16"]

#: what the switch is set to
_SWITCH: dict[Precision, str] = {"fp32": "ieee", "tf32": "tf32", "bf16": "tf32"}

_lock = threading.Lock()
_claims: Counter[str] = Counter()  # by the switch's value
_before = "none"  # the switch's value while nobody claims it


def resolve_precision(choice: str, device: torch.device) -> Precision:
    """What ``auto`` stands for on ``device``: fp32 on a CPU, TF32 on a GPU; other choices are taken as they are.

    Raises:
        SettingsError: there is no TF32 on that device.
    """
    if choice == "auto":
        return "tf32" if device.type == "cuda" else "fp32"
    if choice == "tf32" and device.type != "cuda":
        raise SettingsError([Problem("engine.precision", "tf32 needs a CUDA device; on a CPU expected fp32 or bf16")])
    return cast(Precision, choice)


def stated_precision(choice: str, device: str) -> str:
    """What ``choice`` stands for on the device of that name; ``choice`` itself where this machine cannot tell."""
    try:
        return resolve_precision(choice, resolve_device(device))
    except SettingsError:
        return choice


def autocast(precision: Precision, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Inside, products are computed in bf16 where ``precision`` says so; weights and what is sensitive stay fp32."""
    if precision != "bf16":
        return contextlib.nullcontext()
    # Within one update weights change between two of their uses: no cast of theirs may be kept.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


class PrecisionClaim:
    """Holds torch's switch as ``precision`` needs it on ``device`` until :meth:`release`; on a CPU there is no switch.

    Raises:
        SettingsError: runs under way need it the other way round.
    """

    def __init__(self, precision: Precision, device: torch.device) -> None:
        self._held = _SWITCH[precision] if device.type == "cuda" else None
        if self._held is not None:
            _claim(self._held, precision)

    def release(self) -> None:
        """Give it back; a second call does nothing."""
        global _before
        held, self._held = self._held, None
        if held is None:
            return
        with _lock:
            _claims[held] -= 1
            if not _claims.total():
                torch.backends.cuda.matmul.fp32_precision = _before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _claim(wanted: str, precision: Precision) -> None:
    global _before
    with _lock:
        others = [value for value, count in _claims.items() if count and value != wanted]
        if others:
            theirs = "fp32" if others[0] == "ieee" else "tf32 or bf16"
            raise SettingsError(
                [
                    Problem(
                        "engine.precision",
                        f"{precision} cannot be had while runs in {theirs} are under way on a GPU, because torch has "
                        f"one switch for all of them; expected {theirs}, or a start after they have ended",
                    )
                ]
            )
        if not _claims.total():
            _before = torch.backends.cuda.matmul.fp32_precision
            torch.backends.cuda.matmul.fp32_precision = wanted
        _claims[wanted] += 1
