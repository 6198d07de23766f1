"""What the latent-rollout panel says: its answer, what it cannot show and why, and what follows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from storage import ArtifactDamaged, ArtifactRow, RunRow
from storage.run_states import ENDED_STATES
from ui import format
from ui.context import Context
from ui.controls.empty_state import Step
from ui.panels.simulation_words import Emptiness

if TYPE_CHECKING:
    from workbench.analysis.latent_health import LatentHealth
    from workbench.analysis.latent_rollout import ErrorByHorizon

CRITERION = "(mean error at most half of the better baseline's, at every step up to there)"


def answer(errors: ErrorByHorizon | None, health: LatentHealth) -> tuple[str, str, str]:
    """Icon, sentence and criterion of the last line."""
    if health.collapsed:
        return "warn", "The latents have collapsed:", health.reason
    if errors is None:
        return "clock", "Measuring from many starts", ""
    if errors.useful == 0:
        return "warn", "The model is not right for a single step here", CRITERION
    if errors.useful == errors.horizon:
        steps = format.plural(errors.useful, "step")
        return "check", f"The model is right for all {steps} here", CRITERION
    return "check", f"The model is right for about {format.plural(errors.useful, 'step')} here", CRITERION


def health_words(health: LatentHealth) -> tuple[str, str]:
    """The effective rank, and which coordinates are dead (empty: none)."""
    rank = f"Effective rank {format.number(round(health.effective_rank, 1))} of {health.size}"
    if not health.dead or health.collapsed:
        return rank, ""
    if len(health.dead) == 1:
        dead = health.dead[0]
        return rank, f"coordinate {dead + 1} is dead (variance {format.number(float(health.variance[dead]))})"
    named = ", ".join(str(each + 1) for each in health.dead[:4]) + (" and others" if len(health.dead) > 4 else "")
    return rank, f"{len(health.dead)} coordinates are dead: {named}"


def at_step(errors: ErrorByHorizon, step: int) -> str:
    """The L2 error at a step of the horizon, with its band."""
    band, digits = errors.error, lambda value: format.number(float(f"{value:.3g}"))
    spread = f"({digits(band.low[step])} to {digits(band.high[step])})"
    return f"at {step}: {digits(band.mean[step])} {spread}"


# ---- nothing to show ------------------------------------------------------------------------------------------------


def engine_emptiness(context: Context) -> Emptiness | None:
    """While the engine is not there; None when it is."""
    engine = context.engine
    if engine.state == "failed":
        return Emptiness("warn", "The engine could not be loaded", engine.problem, token="bad")
    if engine.state != "ready":
        return Emptiness("clock", "Preparing the engine", "The rollout appears when it is there.", token="accent")
    return None


def no_run(new_run: Callable[[], object] | None) -> Emptiness:
    """No run was begun yet."""
    steps: tuple[Step, ...] = () if new_run is None else (("New run", new_run),)
    return Emptiness("diagnose", "No run to look into", "Train a run first; its checkpoints appear above.", steps)


def kept_none(row: RunRow) -> str:
    """Of a run that has ended without a checkpoint."""
    return f"{row.name} has ended and keeps no checkpoint. Choose another run, such as another seed."


def no_checkpoint(row: RunRow) -> Emptiness:
    """The run has no checkpoint yet, or has ended and keeps none."""
    if row.status in ENDED_STATES:
        return Emptiness("diagnose", "No checkpoint kept", kept_none(row))
    engine = row.spec.get("engine", {})
    step = math.ceil(row.total_steps * float(engine.get("snapshot_percent", 5.0)) / 100)
    text = f"The first checkpoint of {row.name} is written at step {format.count(step)}"
    if row.steps_per_second and step > row.step:
        text += f", in about {format.duration(math.ceil((step - row.step) / row.steps_per_second))}"
    return Emptiness("diagnose", "No checkpoint yet", f"{text}.")


def no_episode(row: RunRow, record: Callable[[], object]) -> Emptiness:
    """No episode was recorded yet; ``record`` makes a fresh one."""
    engine = row.spec.get("engine", {})
    warm_up = int(row.spec.get("settings", {}).get("warm_up_steps", 0))
    interval = max(int(engine.get("evaluation_interval", 1)), 1)
    step = warm_up + interval * (max(row.step - warm_up, 0) // interval + 1)
    text = "This run keeps no evaluation episodes."
    if engine.get("record_evaluations", True) and step <= row.total_steps:
        text = f"The next evaluation is recorded at step {format.count(step)}."
        if row.steps_per_second:
            wait = format.duration(math.ceil((step - row.step) / row.steps_per_second))
            text = f"{text[:-1]}, in about {wait}."
    return Emptiness("diagnose", "No episode yet", text, (("Record one now", record),))


def failure(
    error: Exception,
    sentence: str,
    row: RunRow | None,
    neighbour: ArtifactRow | None,
    use: Callable[[ArtifactRow], object],
    again: Callable[[], object],
) -> Emptiness:
    """Why nothing could be unrolled; ``neighbour`` is another checkpoint, which ``use`` chooses."""
    from workbench.engine.subject import NoWorldModel

    if isinstance(error, NoWorldModel):
        name = "This run" if row is None else row.name
        text = f"{name} trains no world model, so there is nothing to unroll. Choose one of ALM with a learned encoder."
        return Emptiness("diagnose", "No world model", text)
    if isinstance(error, ArtifactDamaged):
        steps: tuple[Step, ...] = (("Try again", again),)
        if neighbour is not None:
            steps = ((f"Use {format.count(neighbour.step)}", lambda: use(neighbour)), *steps)
        return Emptiness("warn", "This checkpoint or episode cannot be read", sentence, steps, "bad")
    return Emptiness("warn", "The rollout could not be made", sentence, (("Try again", again),), "bad")


def episode_words(row: ArtifactRow) -> str:
    """One line of the list of episodes."""
    value = row.info.get("return")
    number = format.number(float(value)) if isinstance(value, (int, float)) else format.MISSING
    of_bias = row.info.get("q_bias_episode")
    kind = "Evaluation" if of_bias is None else f"Q-bias episode {of_bias},"
    kind = "Fresh episode" if row.name.startswith("fresh") else kind
    kind = "Planned episode" if "driven" in row.info else kind
    return f"{kind} {format.count(row.step)} · return {number}"
