"""What the simulation says: over its picture, in the list of episodes, and where there is nothing to see."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QGuiApplication

from storage import ArtifactRow, RunRow, RunState
from ui import format
from ui.controls.empty_state import Step
from ui.engine import Engine
from ui.panels.simulation_episodes import RecordedEpisode
from ui.panels.simulation_reel import Frame
from ui.panels.simulation_view import Readout
from ui.render_thread import Facts, Trouble


@dataclass(frozen=True)
class Emptiness:
    """Why there is nothing to see, for an ``EmptyState``; ``steps`` are what can be done."""

    icon: str
    title: str
    text: str = ""
    steps: tuple[Step, ...] = ()
    token: str = "text3"


NOTHING_SELECTED = Emptiness(
    "eye",
    "Nothing to show",
    "Select a running run for the live view or a finished one for its recorded episodes.",
)


def engine_emptiness(engine: Engine) -> Emptiness | None:
    """While the engine is not there; None when it is."""
    if engine.state == "failed":
        return Emptiness("warn", "The engine could not be loaded", engine.problem, token="bad")
    if engine.state != "ready":
        return Emptiness("clock", "Preparing the engine", "The simulation appears when it is there.", token="accent")
    return None


def trouble_emptiness(trouble: Trouble, explain: Callable[[], object], again: Callable[[], object]) -> Emptiness:
    """Nothing can be drawn: ``explain`` says how to mend it, ``again`` tries once more."""
    if not trouble.remedy:
        return Emptiness("warn", "The simulation cannot be shown", trouble.sentence, (("Try again", again),), "warn")
    title = "This machine cannot render MuJoCo: no EGL or OSMesa."
    return Emptiness("warn", title, "Training works without it.", (("How to mend", explain),), "warn")


def remedy_emptiness(trouble: Trouble) -> Emptiness:
    """How this machine gets a renderer."""
    command = trouble.remedy.partition(": ")[2] or trouble.remedy
    copy: Step = ("Copy the command", lambda: QGuiApplication.clipboard().setText(command))
    text = f"{trouble.remedy}\n\nThen start Foresight again. {trouble.sentence}"
    return Emptiness("warn", "How to mend it", text, (copy,), "warn")


def live_emptiness(to_episodes: Callable[[], object] | None) -> Emptiness:
    """The run does not train in this process; ``to_episodes`` shows what was recorded of it."""
    steps: tuple[Step, ...] = () if to_episodes is None else (("Show its recorded episodes", to_episodes),)
    text = "The live view shows the environment that a run trains in, while it trains."
    return Emptiness("eye", "This run is not training here", text, steps)


def damage_emptiness(problem: str, to_other: Callable[[], object] | None) -> Emptiness:
    """The chosen episode cannot be read; ``to_other`` shows another one."""
    steps: tuple[Step, ...] = () if to_other is None else (("Show another one", to_other),)
    return Emptiness("warn", "This episode cannot be shown", problem, steps, "bad")


def episodes_emptiness(row: RunRow, record: Callable[[], object] | None) -> Emptiness:
    """No episode is recorded yet; ``record`` evaluates now, where the run trains here."""
    engine = row.spec.get("engine", {})
    if not engine.get("record_evaluations", True):
        text = "This run does not keep its evaluation episodes: its setting engine.record_evaluations is off."
        return Emptiness("eye", "No episodes", text)
    if row.status in (RunState.FINISHED, RunState.FAILED, RunState.STOPPED, RunState.INTERRUPTED) and record is None:
        text = "This run ended before its first evaluation."
        if row.latest_return is not None:
            text = "None of this run's episodes is kept. Another seed may have some; Latent rollout can record one."
        return Emptiness("eye", "No episodes", text)
    interval = max(int(engine.get("evaluation_interval", 1)), 1)
    warm_up = int(row.spec.get("settings", {}).get("warm_up_steps", 0))
    done = max(row.step - warm_up, 0)
    step = warm_up + interval * (done // interval + 1)
    text = f"The first evaluation is recorded at step {format.count(step)}"
    if row.steps_per_second and record is not None:
        text += f", in about {format.duration(math.ceil((step - row.step) / row.steps_per_second))}"
    steps: tuple[Step, ...] = () if record is None else (("Record one now", record),)
    return Emptiness("eye", "No episode yet", f"{text}.", steps)


def episode_words(row: ArtifactRow) -> str:
    """One line of the list of episodes."""
    value = row.info.get("return")
    number = float(value) if isinstance(value, (int, float)) else None
    return f"{_source(row)} at step {format.count(row.step)}  ·  return {format.number(number)}"


def _source(row: ArtifactRow) -> str:
    """What an episode was recorded for."""
    of_bias, driven = row.info.get("q_bias_episode"), row.info.get("driven")
    if driven is not None:
        return f"Planned episode ({driven})"
    return "Evaluation" if of_bias is None else f"Q-bias episode {of_bias}"


def readout(
    row: RunRow, frame: Frame, facts: Facts | None, episode: RecordedEpisode | None, note: str = ""
) -> Readout:
    """What is painted over a frame of a recorded ``episode``; None for the live view."""
    words = "training" if episode is None else _source(episode.row)
    source = f"{words[:1].lower()}{words[1:]} at step"
    step = f"step {format.count(frame.step)}" + ("" if episode is None else f" of {format.count(episode.length)}")
    moment = step if facts is None else f"t = {frame.step * facts.time_step:.2f} s · {step}"
    lines = [f"{row.environment} · seed {row.seed} · {source} {format.count(frame.run_step)}", moment, note]
    figures = []
    if facts is not None and facts.travels:
        figures.append(("x velocity", f"{format.number(round(float(frame.qvel[0]), 3))} m/s"))
    if episode is not None:
        figures.append(("reward", format.number(frame.reward)))
    figures.append(("return so far", format.number(frame.episode_return)))
    return Readout(tuple(line for line in lines if line), tuple(figures))
