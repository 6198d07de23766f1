"""``analyse latent-rollout``: for how many steps the model's latents follow the encoder's."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from workbench.commands.output import Report, WrongUsage

if TYPE_CHECKING:
    import numpy as np

    from workbench.analysis.latent_health import LatentHealth
    from workbench.analysis.latent_rollout import ErrorByHorizon
    from workbench.analysis.steps import Analysis
    from workbench.engine.recorder import Recorder
    from workbench.engine.subject import Subject

HELP = "for how many steps the model's latents follow the encoder's"
COUNTS = ("horizon", "starts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this analysis alone."""
    parser.add_argument("--horizon", type=int, default=50, metavar="H", help="steps of each rollout (default 50)")
    parser.add_argument("--starts", type=int, default=64, metavar="N", help="rollouts over the episode (default 64)")
    text = "a recorded one by its name, or fresh (default: the recorded one nearest to the checkpoint, else fresh)"
    parser.add_argument("--episode", metavar="NAME", help=text)


def analyse(recorder: Recorder, subject: Subject, arguments: argparse.Namespace) -> Analysis[Report]:
    """Unroll from many starts of one episode."""
    from workbench.analysis.encoded import encode_episode
    from workbench.analysis.latent_health import latent_health
    from workbench.analysis.latent_rollout import error_by_horizon
    from workbench.engine.episodes import read_recording, record_episode

    model = subject.world_model()
    row = _chosen(recorder, subject, arguments.episode)
    episode: Any = (yield from record_episode(subject)) if row is None else read_recording(recorder, row)
    encoded = encode_episode(model, episode.observations, episode.actions, episode.rewards)
    errors = yield from error_by_horizon(model, encoded, arguments.horizon, arguments.starts)
    health = latent_health(encoded, episode.observations)
    return _report("fresh" if row is None else row.name, encoded.length, errors, health)


def _chosen(recorder: Recorder, subject: Subject, name: str | None) -> Any:
    """The recorded episode that is meant; None for a fresh one."""
    from workbench.engine.episodes import nearest_episode, recorded_episodes

    if name == "fresh":
        return None
    if name is None:
        return nearest_episode(recorder, subject.run.id, subject.step)
    rows = recorded_episodes(recorder, subject.run.id)
    found = [row for row in rows if row.name == name]
    if not found:
        there = ", ".join(row.name for row in rows) or "none yet"
        raise WrongUsage([f"--episode: run {subject.run.id} has no episode {name!r}; there are: {there}; or fresh"])
    return found[0]


def _report(episode: str, length: int, errors: ErrorByHorizon, health: LatentHealth) -> Report:
    bands = {"l2": errors.error, "copy_last": errors.copy_error, "mean_latent": errors.mean_error}
    bands |= {"cosine": errors.cosine, "reward": errors.reward_error}
    bands |= {name: each for name, each in (("kl", errors.kl), ("value", errors.value_error)) if each is not None}
    summary = {
        "useful_steps": errors.useful,
        "horizon": errors.horizon,
        "collapsed": health.collapsed,
        "reason": health.reason,
        "effective_rank": health.effective_rank,
        "observation_rank": health.observation_rank,
        "spread": health.spread,
        "dead_coordinates": list(health.dead),
    }
    document = {
        "summary": summary,
        "episode": {"name": episode, "length": length},
        "starts": list(errors.starts),
        "criterion": "L2 error at most half of the better baseline's (copy last, mean latent), at every step up to it",
        "band": "middle 80 % of the starts",
        "by_horizon": {name: {"mean": _list(each.mean), "low": _list(each.low), "high": _list(each.high)}
                       for name, each in bands.items()},
        "variance": _list(health.variance),
    }  # fmt: skip
    arrays = {f"{name}/{part}": getattr(each, part) for name, each in bands.items() for part in ("mean", "low", "high")}
    return Report(document, tuple(_lines(errors, health, episode)), arrays)


def told_steps(horizon: int) -> list[int]:
    """The steps of a table for people."""
    return [*(step for step in (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500) if step < horizon), horizon]


def _list(values: np.ndarray[Any, Any]) -> list[float]:
    return [float(value) for value in values]


def _lines(errors: ErrorByHorizon, health: LatentHealth, episode: str) -> list[str]:
    lines = [
        f"Mean over {len(errors.starts)} starts of {episode}:",
        f"{'step':>5}  {'error':>9}  {'copy last':>9}  {'mean latent':>11}  {'cosine':>7}",
    ]
    for step in told_steps(errors.horizon):
        figures = (errors.error.mean[step], errors.copy_error.mean[step], errors.mean_error.mean[step])
        error, copy, mean = (f"{figure:.3g}" for figure in figures)
        lines.append(f"{step:>5}  {error:>9}  {copy:>9}  {mean:>11}  {errors.cosine.mean[step]:>7.3f}")
    dead = f", dead: {', '.join(str(each + 1) for each in health.dead)}" if health.dead else ""
    lines.append(f"Effective rank {health.effective_rank:.1f} of {health.size}{dead}.")
    if health.collapsed:
        lines.append(f"The latents have collapsed: {health.reason}. Following them means nothing.")
    else:
        within = "all" if errors.useful == errors.horizon else "about"
        steps = "not even one step" if errors.useful == 0 else f"{within} {errors.useful} steps"
        lines.append(f"The model is right for {steps} (error at most half of the better baseline's).")
    return lines
