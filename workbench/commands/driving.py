"""``plan --episodes``: a planner acts for whole episodes, in place of the run's policy or refining it."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from workbench.commands import project
from workbench.commands.output import WrongUsage, check_counts, number, print_document, say, table_console, tell
from workbench.figures import plural

if TYPE_CHECKING:
    from workbench.engine.planned_episode import Driven, DriveWish
    from workbench.engine.planning_desk import PlanWish
    from workbench.planners.settings import PlannerSettings

#: options that only episodes have, with what they are when not given
_OWN = {"steps": None, "replan": 1, "proposal": "plan", "keep": False, "every": 10, "most": 32}
#: of these, what only stored plans have
_OF_KEPT = ("every", "most")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of whole episodes; without ``--episodes`` there is one planning call."""
    title = "whole episodes, in the true environment, beside the run's own policy from the same resets"
    group = parser.add_argument_group(title)
    group.add_argument("--episodes", type=int, metavar="N", help="let the planner act for so many episodes")
    group.add_argument("--steps", type=int, metavar="N", help="at most so many steps of each (default: all)")
    group.add_argument("--replan", type=int, metavar="N", default=1, help="execute so many steps of each plan (1)")
    begin = "where each search begins: the last plan, shifted (plan), or what the policy would do (policy)"
    group.add_argument("--proposal", choices=("plan", "policy"), default="plan", help=begin)
    group.add_argument("--keep", action="store_true", help="store the episodes with their plans in the project")
    group.add_argument("--every", type=int, metavar="N", default=10, help="keep every so many-th plan (default: 10)")
    group.add_argument("--most", type=int, metavar="N", default=32, help="candidates kept of each (default: 32)")


def check_alone(arguments: argparse.Namespace) -> None:
    """Raise WrongUsage for options of episodes where none are asked for."""
    given = [name for name, default in _OWN.items() if getattr(arguments, name) != default]
    if given:
        raise WrongUsage([f"--{name}: belongs to whole episodes; expected --episodes N beside it" for name in given])


def drive_episodes(arguments: argparse.Namespace, planner: str, settings: PlannerSettings) -> int:
    """Drive the episodes and print their returns. Raises WrongUsage and what driving raises."""
    check_counts(arguments, ("episodes", "steps", "every", "most"))
    unkept = [] if arguments.keep else [name for name in _OF_KEPT if getattr(arguments, name) != _OWN[name]]
    if unkept:
        raise WrongUsage([f"--{name}: belongs to stored plans; expected --keep beside it" for name in unkept])

    import torch

    from workbench.analysis.steps import exhaust
    from workbench.engine.planned_episode import drive, keep_driven
    from workbench.engine.planning_desk import PlanWish
    from workbench.engine.recorder import Recorder

    torch.set_num_threads(1)
    found: list[Driven] = []
    kept: list[str] = []
    with (project.writing if arguments.keep else project.reading)(arguments) as opened:
        recorder, run = Recorder(opened), opened.runs.find(arguments.wanted)
        for state in _states(arguments, run.seed):
            where = (run.id, arguments.checkpoint, state, planner, settings, arguments.model, arguments.seed)
            wish = _wish(arguments, PlanWish(*where))
            driven = exhaust(drive(recorder, wish, found[-1].subject if found else None))
            found.append(driven)
            if arguments.keep:
                kept.append(keep_driven(recorder, driven).name)
            figures = f"planner {number(driven.episode.episode_return)}, policy {number(driven.policy_return)}"
            tell(f"Episode {len(found)} of {arguments.episodes} from {state}: {figures}")
    document = _document(arguments, planner, settings, found, kept)
    if arguments.json:
        print_document(document)
    else:
        _print(arguments, found, kept, document)
    return 0


def _states(arguments: argparse.Namespace, seed: int) -> list[str]:
    """Where the episodes begin: resets of seeds of their own, or one after the other from the one given."""
    from workbench.noise import derive_seed

    state = str(arguments.state)
    if arguments.qpos is not None or arguments.qvel is not None:
        raise WrongUsage(["--episodes: they begin at resets; leave --qpos and --qvel out"])
    if state == "reset":
        seeds = (derive_seed(seed, f"drive/{place}") % 2**31 for place in range(arguments.episodes))
        return [f"reset:{each}" for each in seeds]
    if re.fullmatch(r"reset:\d+", state):
        return [f"reset:{int(state[6:]) + place}" for place in range(arguments.episodes)]
    if arguments.episodes > 1:
        same = f"{arguments.episodes} would all be the same from {state}; expected 1, or resets"
        raise WrongUsage([f"--episodes: {same}"])
    return [state]


def _wish(arguments: argparse.Namespace, plan: PlanWish) -> DriveWish:
    from workbench.engine.plan_tape import Thinning
    from workbench.engine.planned_episode import DriveWish

    thinning = Thinning(arguments.every if arguments.keep else 0, arguments.most)
    return DriveWish(plan, arguments.steps or 0, arguments.replan, arguments.proposal, thinning)


def _document(
    arguments: argparse.Namespace, planner: str, settings: PlannerSettings, found: list[Driven], kept: list[str]
) -> dict[str, Any]:
    from workbench.settings import flatten

    subject = found[0].subject
    about = {"run": subject.run.id, "checkpoint": subject.checkpoint, "step": subject.step, "planner": planner}
    how = {"model": arguments.model, "proposal": arguments.proposal, "replanning_interval": arguments.replan}
    episodes = [_episode(each) for each in found]
    for episode, name in zip(episodes, kept, strict=False):
        episode["name"] = name
    sides = {
        "planner": _summary([each.episode.episode_return for each in found]),
        "policy": _summary([each.policy_return for each in found]),
        "difference": _summary([each.gap for each in found]),
    }
    return {**about, "settings": flatten(settings), **how, "summary": sides, "episodes": episodes}


def _episode(driven: Driven) -> dict[str, Any]:
    return {
        "state": driven.wish.plan.state,
        "return": driven.episode.episode_return,
        "length": driven.episode.length,
        "terminated": driven.episode.terminated,
        "policy_return": driven.policy_return,
        "policy_length": driven.policy_length,
        "decisions": driven.decisions,
        "milliseconds": driven.milliseconds,
    }


def _summary(values: list[float]) -> dict[str, float | int | None]:
    """Mean, sample standard deviation (None of one value) and standard error of the mean."""
    from workbench.analysis.estimates import standard_deviation, standard_error

    mean = sum(values) / len(values)
    return {"mean": mean, "std": standard_deviation(values), "standard_error": standard_error(values), "n": len(values)}


def _with_spread(summary: dict[str, Any]) -> str:
    deviation = summary["std"]
    return number(summary["mean"]) + ("" if deviation is None else f" ± {number(deviation)}")


def _print(arguments: argparse.Namespace, found: list[Driven], kept: list[str], document: dict[str, Any]) -> None:
    from rich.table import Table

    how = " refining the policy" if arguments.proposal == "policy" else ""
    where = f"in the {arguments.model} model of {found[0].subject.title}"
    say(f"{arguments.planner}{how} {where}, {plural(len(found), 'episode')}")
    table = Table(box=None, pad_edge=False)
    for title in ("from", "planner", "policy", "difference", "steps", "ms per decision"):
        table.add_column(title, justify="left" if title == "from" else "right")
    for each in found:
        returns = (number(value) for value in (each.episode.episode_return, each.policy_return, each.gap))
        table.add_row(str(each.wish.plan.state), *returns, str(each.episode.length), number(each.milliseconds))
    table_console().print(table)
    words = [f"{side} {_with_spread(each)}" for side, each in document["summary"].items()]
    say(f"Mean return: {', '.join(words)} ({'standard deviations' if len(found) > 1 else 'one episode: no spread'}).")
    if kept:
        say(f"Stored as {', '.join(kept)}.")
