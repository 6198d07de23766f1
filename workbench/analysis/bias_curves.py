"""Q-bias over training: what stored measurements list of themselves, over steps and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.analysis.bias_numbers import BiasDefinition, Floats, Integers


@dataclass(frozen=True, eq=False)
class BiasCurve:
    """At T training steps: ``mean`` and ``std`` over states, each the mean over the ``seeds`` [T] measured there."""

    step: Integers
    mean: Floats
    std: Floats
    seeds: Integers


def bias_curve(runs: Sequence[Mapping[int, Mapping[str, Any]]], estimate: str, definition: BiasDefinition) -> BiasCurve:
    """The curve of an estimate over ``runs``, each by training step what :meth:`QBias.info` gave; others are left out.

    Both figures are taken per run and then averaged, so that seeds that disagree do not count as spread over states.
    """
    found: dict[int, list[list[float]]] = {}
    for run in runs:
        for step, info in run.items():
            figures = info.get("bias", {}).get(estimate, {}).get(definition.normaliser)
            if figures is not None:
                found.setdefault(step, []).append(figures)
    steps = sorted(found)
    means = np.array([np.mean(found[step], axis=0) for step in steps]).reshape(len(steps), 2)
    seeds = np.array([len(found[step]) for step in steps], np.int64)
    return BiasCurve(np.array(steps, np.int64), definition.over * means[:, 0], means[:, 1], seeds)
