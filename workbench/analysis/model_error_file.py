"""Model errors as they are stored: arrays named KIND/MEASURE/PART, and a document with counts and the conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.analysis.latent_rollout import Band
from workbench.analysis.model_error import ModelError

#: what it is stored as, before the training step
NAME = "model-error"
_MEASURES = ("latent", "reward", "observation")
_PARTS = ("mean", "low", "high")


def arrays_of(found: Mapping[str, ModelError]) -> dict[str, Any]:
    """Every curve of each kind of episodes, [H + 1] or for rewards [H]."""
    arrays: dict[str, Any] = {}
    for kind, error in found.items():
        for measure in _MEASURES:
            band = getattr(error, measure)
            if band is not None:
                arrays |= {f"{kind}/{measure}/{part}": getattr(band, part) for part in _PARTS}
                arrays[f"{kind}/{measure}/baseline"] = getattr(error, f"{measure}_baseline")
    return arrays


def document_of(found: Mapping[str, ModelError], horizon: int) -> dict[str, Any]:
    """The rest as JSON; ``horizon`` is what was asked for, of which short episodes may have left less."""
    return {
        "summary": {name: {"useful_steps": error.useful, "horizon": error.horizon} for name, error in found.items()},
        "criterion": "latent error at most half of the better baseline's (copy last, mean latent), at every step",
        "band": "middle 80 % of the starts",
        "observation_unit": "standard deviations of each coordinate; null without a decoder",
        "asked_horizon": horizon,
        "kinds": {kind: _curves(error) for kind, error in found.items()},
    }


def _curves(error: ModelError) -> dict[str, Any]:
    curves: dict[str, Any] = {"episodes": error.episodes, "starts": error.starts}
    for measure in _MEASURES:
        band = getattr(error, measure)
        curves[measure] = None
        if band is not None:
            curves[measure] = {part: getattr(band, part).tolist() for part in _PARTS}
            curves[measure]["baseline"] = getattr(error, f"{measure}_baseline").tolist()
    return curves


def read_model_errors(
    arrays: Mapping[str, np.ndarray[Any, Any]], document: Mapping[str, Any]
) -> tuple[int, dict[str, ModelError]]:
    """The horizon that was asked for, and the errors by kind of episodes. Raises ValueError for another file."""
    try:
        kinds = {kind: _error(kind, arrays, counts) for kind, counts in document["kinds"].items()}
        horizon = int(document.get("asked_horizon", kinds["visited"].horizon))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"It is no stored model error: {error!r} is missing or of another kind.") from error
    return horizon, kinds


def _error(kind: str, arrays: Mapping[str, np.ndarray[Any, Any]], counts: Mapping[str, Any]) -> ModelError:
    found: dict[str, Any] = {}
    for measure in _MEASURES:
        known = measure != "observation" or f"{kind}/{measure}/mean" in arrays
        curves = {part: np.asarray(arrays[f"{kind}/{measure}/{part}"], np.float64) for part in _PARTS} if known else {}
        found[measure] = Band(**curves) if known else None
        found[f"{measure}_baseline"] = np.asarray(arrays[f"{kind}/{measure}/baseline"], np.float64) if known else None
    return ModelError(episodes=int(counts["episodes"]), starts=int(counts["starts"]), **found)
