"""``plan``: one planning call in a run's model, iteration by iteration, and the plan held against reality."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from workbench.commands import driving, project
from workbench.commands.output import WrongUsage, check_seed, number, print_document, say, table_console
from workbench.commands.training import values_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.engine.start_state import StartState
    from workbench.engine.subject import Subject
    from workbench.planners.base import PlanStep
    from workbench.planners.reality import RealityCheck


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    parser = add("plan", help="plan in a run's model, and hold the plan against reality; or let the planner act")
    parser.add_argument("wanted", metavar="RUN", help="number, name or uuid")
    names = "a planner, such as cem, mppi or gradient, or a preset of one, such as planet or td-mpc2 (default: cem)"
    parser.add_argument("--planner", metavar="NAME", default="cem", help=names)
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="values", help="a setting of the planner"
    )
    states = "reset, reset:SEED, episode:STEP or episode:NAME:STEP"
    parser.add_argument("--state", metavar="STATE", default="reset", help=states)
    by_hand = "numbers, by space or comma (--qpos=-1,0.2), for all of the state's {}; the rest is as in --state"
    for name, what in (("--qpos", "positions"), ("--qvel", "velocities")):
        parser.add_argument(name, metavar="X", nargs="+", help=by_hand.format(what))
    parser.add_argument("--model", choices=("learned", "true"), default="learned", help="plan in which dynamics")
    parser.add_argument("--checkpoint", metavar="WHICH", default="last", help="last, best, resume or a step")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the planner's own draws (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    driving.add_arguments(parser)
    parser.set_defaults(run=plan)


def plan(arguments: argparse.Namespace) -> int:
    """Plan once and execute the plan, or drive episodes. Raises WrongUsage for what does not fit."""
    from workbench.planners.presets import planner_settings

    check_seed(arguments)
    name, settings = planner_settings(arguments.planner, values_of(arguments.values, "horizon=20"))
    if arguments.episodes is not None:
        return driving.drive_episodes(arguments, name, settings)
    driving.check_alone(arguments)
    state = start_of(arguments)

    import torch

    from workbench.engine.planning_desk import PlanWish, open_case
    from workbench.engine.recorder import Recorder
    from workbench.environments.simulator_state import get_physics
    from workbench.planners.base import PlanningError
    from workbench.planners.reality import check_in_reality
    from workbench.settings import flatten

    torch.set_num_threads(1)
    with project.reading(arguments) as opened:
        run = opened.runs.find(arguments.wanted).id
        wish = PlanWish(run, arguments.checkpoint, state, name, settings, arguments.model, arguments.seed)
        try:
            with closing(open_case(Recorder(opened), wish)) as case:
                placed = get_physics(case.environment)
                steps = case.planner.steps(case.problem)
                check = check_in_reality(
                    case.beginning(), steps[-1].plan, case.environment, case.observation, case.learned
                )
        except PlanningError as error:
            raise WrongUsage([error]) from error
        subject = case.subject
    if arguments.json:
        about = {"planner": name, "settings": flatten(settings), "model": arguments.model, "state": arguments.state}
        qpos, qvel = (None, None) if placed is None else (each.tolist() for each in placed)
        print_document({**_about(subject), **about, "qpos": qpos, "qvel": qvel, **_document(steps, check)})
    else:
        _print(arguments, subject, steps, check)
    return 0


def start_of(arguments: argparse.Namespace) -> StartState:
    """The start state that ``--state``, ``--qpos`` and ``--qvel`` mean. Raises WrongUsage."""
    from workbench.engine.start_state import HandSet

    qpos, qvel = (_numbers(name, getattr(arguments, name)) for name in ("qpos", "qvel"))
    by_hand = qpos is not None or qvel is not None
    return HandSet(arguments.state, qpos, qvel) if by_hand else str(arguments.state)


def _numbers(name: str, words: list[str] | None) -> NDArray[np.float64] | None:
    if words is None:
        return None
    import numpy as np

    texts = [text for word in words for text in word.split(",") if text.strip()]
    try:
        return np.array([float(text) for text in texts], np.float64)
    except ValueError:
        raise WrongUsage([f"{name}: {' '.join(words)!r} is not valid; expected numbers, by space or comma"]) from None


def _about(subject: Subject) -> dict[str, Any]:
    return {"run": subject.run.id, "checkpoint": subject.checkpoint, "step": subject.step}


def _document(steps: tuple[PlanStep, ...], check: RealityCheck) -> dict[str, Any]:
    return {
        "iterations": [_iteration(step) for step in steps],
        "plan": steps[-1].plan.tolist(),
        "imagined": {"return": check.imagined_return, "rewards": check.imagined_rewards.tolist()},
        "real": {
            "return": check.real_return,
            "rewards": check.real_rewards.tolist(),
            "steps": len(check.real_rewards),
            "terminated": check.terminated,
        },
        "gap": check.gap,
    }


def _iteration(step: PlanStep) -> dict[str, Any]:
    finite = step.returns[step.returns > -float("inf")]
    return {
        "iteration": step.iteration,
        "best_return": step.best_return,
        "mean_return": float(finite.mean()) if len(finite) else None,
        "plan_return": step.plan_return,
        "candidates": len(step.returns),
        "not_finite": step.nonfinite,
        "milliseconds": step.milliseconds,
    }


def _print(arguments: argparse.Namespace, subject: Subject, steps: tuple[PlanStep, ...], check: RealityCheck) -> None:
    from rich.table import Table

    by_hand = [name for name in ("qpos", "qvel") if getattr(arguments, name) is not None]
    given = f" with {' and '.join(by_hand)} as given" if by_hand else ""
    say(f"{arguments.planner} in the {arguments.model} model of {subject.title}, from {arguments.state}{given}")
    table = Table(box=None, pad_edge=False)
    for title in ("iteration", "plan", "best", "mean", "candidates", "not finite", "ms"):
        table.add_column(title, justify="right")
    for row in map(_iteration, steps):
        returns = (number(row[name]) for name in ("plan_return", "best_return", "mean_return"))
        counts = (row["candidates"], row["not_finite"])
        table.add_row(str(row["iteration"]), *returns, *map(str, counts), number(row["milliseconds"]))
    table_console().print(table)
    taken, planned = len(check.real_rewards), len(check.imagined_rewards)
    ended = f" The episode ended after {taken} of {planned} steps." if taken < planned else ""
    say(
        f"Imagined return {check.imagined_return:.3f}, real return {check.real_return:.3f}: the plan was promised "
        f"{abs(check.gap):.3f} too {'much' if check.gap >= 0 else 'little'}.{ended}"
    )
