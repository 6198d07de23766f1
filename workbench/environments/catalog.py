"""The table of tasks that the papers use, and how a typed name finds one.

Nothing here imports gymnasium or mujoco: forms, lists and validation use the table before they are loaded. Papers:
"ALM" (Simplifying Model-based RL, ICLR 2023), "MEMB" (model-based entropy-regularised value gradients) and "MBPO"
(When to Trust Your Model, NeurIPS 2019). All were run on the v2 tasks, which need mujoco-py and are gone from
gymnasium; v4 keeps their rewards, v5 repairs some of them. ``note`` says how the two differ.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workbench.environments.problem import EnvironmentProblem


@dataclass(frozen=True)
class Task:
    """One task: a gymnasium id with constructor options.

    Sizes count the numbers of one observation and of one action; ``time_limit`` is in environment steps, and a step
    past it truncates an episode, never terminates it.
    """

    name: str
    environment_id: str
    title: str
    observation_size: int
    action_size: int
    time_limit: int
    papers: tuple[str, ...]
    note: str
    options: dict[str, Any] = field(default_factory=dict)


_SAME = "v4 and v5 step and pay alike."
_ALIVE_V4 = "Pays the alive bonus on the step that terminates too, as v2 did; v5 does not."
_ALIVE_V5 = "Pays no alive bonus on the step that terminates; v2 and v4 do."
_CONTACT_V5 = "Contact forces cost reward and are observed; in v2 and v4 they were zero or left out."
_TRUNCATED = "Observes joint positions and velocities only"

_HUMANOID_PARTS = ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")

TASKS: tuple[Task, ...] = (
    Task("HalfCheetah-v5", "HalfCheetah-v5", "Half cheetah runs", 17, 6, 1000, ("ALM", "MEMB", "MBPO"), _SAME),
    Task("HalfCheetah-v4", "HalfCheetah-v4", "Half cheetah runs", 17, 6, 1000, ("ALM", "MEMB", "MBPO"), _SAME),
    Task("Hopper-v5", "Hopper-v5", "One leg hops", 11, 3, 1000, ("ALM", "MEMB", "MBPO"), _ALIVE_V5),
    Task("Hopper-v4", "Hopper-v4", "One leg hops", 11, 3, 1000, ("ALM", "MEMB", "MBPO"), _ALIVE_V4),
    Task(
        "Walker2d-v5", "Walker2d-v5", "Two legs walk", 17, 6, 1000, ("ALM", "MEMB", "MBPO"),
        f"{_ALIVE_V5} Both feet have friction 1.9, so published v2 returns are not reached exactly.",
    ),
    Task(
        "Walker2d-v4", "Walker2d-v4", "Two legs walk", 17, 6, 1000, ("ALM", "MEMB", "MBPO"),
        f"{_ALIVE_V4} The feet's friction is 0.9 right and 1.9 left, as in v2; v5 has 1.9 for both.",
    ),
    Task("Ant-v5", "Ant-v5", "Ant runs, full observation", 105, 8, 1000, ("ALM",), f"{_ALIVE_V5} {_CONTACT_V5}"),
    Task(
        "Ant-v4", "Ant-v4", "Ant runs", 27, 8, 1000, ("ALM",),
        f"{_ALIVE_V4} Without contact forces unless use_contact_forces=true, which gives the 111 numbers of v2.",
    ),
    Task(
        "TruncatedAnt-v5", "Ant-v5", "Ant runs, truncated observation", 27, 8, 1000, ("ALM", "MBPO"),
        f"{_TRUNCATED}; contact forces still cost reward. {_ALIVE_V5}",
        {"include_cfrc_ext_in_observation": False},
    ),
    Task(
        "TruncatedAnt-v4", "Ant-v4", "Ant runs, truncated observation", 27, 8, 1000, ("ALM", "MBPO"),
        f"{_TRUNCATED}, and contact forces cost nothing: the same task as Ant-v4 unless that sets options. {_ALIVE_V4}",
        {"use_contact_forces": False},
    ),
    Task(
        "Humanoid-v5", "Humanoid-v5", "Humanoid walks, full observation", 348, 17, 1000, ("ALM",),
        f"{_ALIVE_V5} {_CONTACT_V5} 348 numbers, where v2 and v4 have 376 with 28 that never change.",
    ),
    Task(
        "Humanoid-v4", "Humanoid-v4", "Humanoid walks, full observation", 376, 17, 1000, ("ALM",),
        f"{_ALIVE_V4} Contact forces cost nothing. No constructor option truncates its observation: use "
        "TruncatedHumanoid-v5.",
    ),
    Task(
        "TruncatedHumanoid-v5", "Humanoid-v5", "Humanoid walks, truncated observation", 45, 17, 1000, ("ALM", "MBPO"),
        f"{_TRUNCATED}; contact forces still cost reward. {_ALIVE_V5}",
        {f"include_{part}_in_observation": False for part in _HUMANOID_PARTS},
    ),
    Task(
        "InvertedPendulum-v5", "InvertedPendulum-v5", "Cart balances a pole", 4, 1, 1000, ("MEMB", "MBPO"), _ALIVE_V5
    ),
    Task(
        "InvertedPendulum-v4", "InvertedPendulum-v4", "Cart balances a pole", 4, 1, 1000, ("MEMB", "MBPO"), _ALIVE_V4
    ),
    Task("Swimmer-v5", "Swimmer-v5", "Three links swim", 8, 2, 1000, ("MEMB",), _SAME),
    Task("Swimmer-v4", "Swimmer-v4", "Three links swim", 8, 2, 1000, ("MEMB",), _SAME),
    Task(
        "Reacher-v5", "Reacher-v5", "Arm reaches a point", 10, 2, 50, ("MEMB",),
        "Pays for the distance after the step, and leaves out the observation that is always zero.",
    ),
    Task(
        "Reacher-v4", "Reacher-v4", "Arm reaches a point", 11, 2, 50, ("MEMB",),
        "Pays for the distance before the step, as v2 did; v5 pays for the distance after it.",
    ),
    Task(
        "Pendulum-v1", "Pendulum-v1", "Pendulum swings up", 3, 1, 200, ("MEMB",),
        "Classic control, without MuJoCo: the cheapest task of the table.",
    ),
)


def find_task(name: str) -> Task:
    """The task called ``name``, in any case; a name without its version means the newest in the table.

    Raises :class:`EnvironmentProblem` when the table has none, with the names that come near.
    """
    wanted = name.strip().casefold()
    exact = [task for task in TASKS if task.name.casefold() == wanted]
    newest = sorted((task for task in TASKS if _base(task.name) == wanted), key=lambda task: task.name)
    found = exact or newest
    if not found:
        raise EnvironmentProblem(unknown_name(name, (task.name for task in TASKS)))
    return found[-1]


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The sentence for a ``name`` that is not in ``known``: what comes near, or what else can be typed."""
    successors = [task.name for task in TASKS if _base(task.name) == _base(name) and task.name.endswith(("-v4", "-v5"))]
    if successors and name.strip().endswith(("-v1", "-v2", "-v3")):
        return (
            f"{name!r} needs mujoco-py, which gymnasium no longer supports: "
            f"choose {' or '.join(successors)}, and see its note for what differs."
        )
    names = {candidate.casefold(): candidate for candidate in known}
    near = [names[match] for match in difflib.get_close_matches(name.strip().casefold(), names, n=3, cutoff=0.6)]
    advice = f"did you mean {' or '.join(near)}?" if near else "no known name comes near."
    return (
        f"There is no environment called {name!r}: {advice} Any registered gymnasium id with continuous observations "
        "and actions can be typed; for one that another package registers, write package_module:Id."
    )


def _base(name: str) -> str:
    return re.sub(r"-v\d+$", "", name.strip().casefold())
