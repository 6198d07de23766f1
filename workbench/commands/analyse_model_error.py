"""``analyse model-error``: how far latent, reward and observation drift when the model is left alone."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from workbench.commands.analyse_latent_rollout import told_steps
from workbench.commands.output import Report
from workbench.figures import plural

if TYPE_CHECKING:
    from workbench.analysis.model_error import ModelError
    from workbench.analysis.steps import Analysis
    from workbench.engine.recorder import Recorder
    from workbench.engine.subject import Subject

HELP = "how far latent, reward and observation drift by horizon, on held-out episodes and on states the policy visits"
_TITLES = {"held_out": "Recorded evaluation episodes", "visited": "Fresh episodes of this policy"}
COUNTS = ("horizon", "starts", "episodes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this analysis alone."""
    parser.add_argument("--horizon", type=int, default=50, metavar="H", help="steps of each rollout (default 50)")
    parser.add_argument("--starts", type=int, default=128, metavar="N", help="rollouts of each kind (default 128)")
    parser.add_argument("--episodes", type=int, default=4, metavar="N", help="fresh episodes (default 4)")


def analyse(recorder: Recorder, subject: Subject, arguments: argparse.Namespace) -> Analysis[Report]:
    """Judge the model by recorded and by fresh episodes."""
    from workbench.analysis.model_error_file import arrays_of, document_of
    from workbench.engine.judging import held_out_and_visited

    found = yield from held_out_and_visited(
        recorder, subject, arguments.horizon, arguments.episodes, arguments.starts
    )
    lines = [line for name, error in found.items() for line in _lines(_TITLES[name], error)]
    return Report(document_of(found, arguments.horizon), tuple(lines), arrays_of(found))


def _lines(title: str, error: ModelError) -> list[str]:
    names = ["latent", "reward", *(["observation"] if error.observation is not None else [])]
    where = f"{plural(error.starts, 'start')} in {plural(error.episodes, 'episode')}"
    lines = [f"{title}: {where}. Error, and that of the baseline:"]
    lines.append(f"{'step':>5}" + "".join(f"  {name:>20}" for name in names))
    for step in told_steps(error.horizon):
        cells = []
        for name in names:
            at = step - 1 if name == "reward" else step
            mean, baseline = getattr(error, name).mean[at], getattr(error, f"{name}_baseline")[at]
            cells.append(f"  {f'{mean:.3g} ({baseline:.3g})':>20}")
        lines.append(f"{step:>5}" + "".join(cells))
    lines.append(f"The latent is right for {error.useful} of {error.horizon} steps (at most half of the baseline's).")
    return lines
