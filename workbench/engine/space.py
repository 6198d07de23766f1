"""How much room on the disk a run will take, by a rough guess before it starts."""

from __future__ import annotations

from workbench.spec import RunSpec

#: bytes of a recorded episode, and of the plans that are kept with one
_EPISODE, _PLANS = 250_000, 1_500_000
#: bytes of a row of the replay: steps of up to 100 numbers
_STEP = 400


def bytes_needed(spec: RunSpec) -> int:
    """Bytes of the checkpoints and recordings of one run of ``spec``."""
    settings, engine = spec.settings, spec.engine
    sizes = [getattr(settings, name) for name in ("hidden_size", "model_hidden_size") if hasattr(settings, name)]
    networks = 10 * max(sizes, default=256) ** 2 * 4
    snapshots = int(100 / engine.snapshot_percent) if engine.keep_snapshots else 2
    evaluations = spec.total_steps // engine.evaluation_interval if engine.record_evaluations else 0
    planned = evaluations if engine.record_plans and hasattr(settings, "planner") else 0
    episodes = evaluations + (3 * (spec.total_steps // engine.bias_interval) if engine.bias_interval else 0)
    # Two resume points of weights and both of Adam's moments.
    checkpoints = (2 * 3 + snapshots) * networks + min(settings.replay_capacity, spec.total_steps) * _STEP
    return checkpoints + episodes * _EPISODE + planned * _PLANS
