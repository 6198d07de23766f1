"""What the Q-bias panel says: why there is nothing yet, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from storage import RunRow
from storage.run_states import ENDED_STATES
from ui.panels.latent_rollout_words import kept_none
from workbench.analysis.bias_numbers import BiasDefinition, QBias
from workbench.spec import EngineSettings


@dataclass(frozen=True)
class Emptiness:
    """Icon, title and sentence of an empty state; ``measures`` says whether measuring is the next step."""

    icon: str
    title: str
    text: str
    measures: bool = False
    token: str = "text3"


NO_RUN = Emptiness("diagnose", "No run to look into.", "Select a run in Watch, or start one in Configure.")


def emptiness(run: RunRow | None, has_checkpoint: bool, ready: bool) -> Emptiness:
    """Why no measurement is shown."""
    if run is None:
        return NO_RUN
    if not has_checkpoint and run.status in ENDED_STATES:
        return Emptiness("diagnose", "No checkpoint kept.", kept_none(run))
    if not has_checkpoint:
        text = "The first is written when warm-up ends; from then on Q-bias can be measured."
        return Emptiness("clock", "No checkpoint yet.", text)
    if not ready:
        return Emptiness("clock", "Preparing the engine.", "Measuring can begin in a few seconds.")
    text = (
        "Does the critic promise what the policy's episodes return? It takes about 1,000 states, which is some "
        "seconds. Runs with a Q-bias interval are measured while they train."
    )
    return Emptiness("diagnose", "Q-bias was not measured yet.", text, measures=True)


def failure(sentence: str) -> Emptiness:
    """What went wrong, with another attempt as the next step."""
    return Emptiness("warn", "Q-bias could not be measured.", sentence, measures=True, token="warn")


def default_definition(run: RunRow) -> BiasDefinition:
    """Sign and normaliser of the run's own settings."""
    own, usual = run.spec.get("engine", {}), EngineSettings()
    return BiasDefinition(
        own.get("bias_sign", usual.bias_sign), own.get("bias_normaliser", usual.bias_normaliser)
    )


def protocol(measured: QBias, estimate: str, definition: BiasDefinition) -> str:
    """How it was measured, and what the triangles are."""
    marked = int(measured.outliers(estimate, definition).sum())
    states = "1 state lies" if marked == 1 else f"{marked:,} states lie"
    outliers = f" {states} two standard deviations or more from the mean (triangles)." if marked else ""
    return f"{definition.words}. {measured.protocol}{outliers} Click a state to open it in Simulation."
