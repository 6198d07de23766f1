"""What the panel of planned episodes says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import ArtifactRow
from ui import format
from ui.panels import plan_words
from ui.panels.simulation_words import Emptiness
from workbench.planners import PLANNERS
from workbench.registry import UnknownName

if TYPE_CHECKING:
    from ui.plan_episode import PlanEpisodes


def row_words(row: ArtifactRow) -> str:
    """One line of the list of episodes."""
    value = format.number(_number(row, "return"))
    planner = row.info.get("driven")
    if planner is None:
        return f"Return {value} · evaluation at step {format.count(row.step)}"
    how = " refining the policy" if row.info.get("proposal") == "policy" else ""
    model = ", true dynamics" if row.info.get("model") == "true" else ""
    return f"Return {value} · {_title(str(planner))}{how}{model}, checkpoint {format.count(row.step)}"


def figures(row: ArtifactRow) -> tuple[tuple[str, str], ...]:
    """The large figures of an episode with what each is; the policy's only where it was held against it."""
    mine, its = _number(row, "return"), _number(row, "policy_return")
    found = [(format.number(mine), "return")]
    if mine is not None and its is not None:
        sign = "+" if mine > its else ""
        found += [(format.number(its), "the policy's own"), (f"{sign}{format.number(mine - its)}", "gap")]
    return tuple(found)


def verdict(row: ArtifactRow) -> str:
    """How the episode came about, and what it was worth beside the policy's."""
    info, length = row.info, row.info.get("length", 0)
    steps = format.plural(int(length), "step")
    milliseconds = _number(row, "milliseconds")
    if info.get("driven") is None:
        return f"{steps} of the run's own evaluation, in which its agent plans."
    cost = f", {plan_words.figure(milliseconds)} ms per decision" if milliseconds is not None else ""
    interval = int(info.get("replanning_interval", 1))
    how = "a plan at every step" if interval == 1 else f"a plan every {interval} steps"
    other = info.get("policy_length")
    policy = "" if other == length else f" The policy's episode had {format.plural(int(other or 0), 'step')}."
    return f"{steps} from {state_words(str(info.get('state', '')))}, {how}{cost}.{policy}"


def state_words(state: str) -> str:
    """A start state, as the engine takes it, in words."""
    kind, _, rest = state.partition(":")
    if kind == "reset":
        return f"the reset of seed {rest}" if rest else "a reset"
    if kind == "episode":
        name, _, step = rest.rpartition(":")
        return f"step {step} of {name or 'the newest episode'}"
    return "a state given by its numbers"


def decision_words(episodes: PlanEpisodes, length: int) -> str:
    """Where among the stored decisions one is."""
    assert episodes.episode is not None
    steps = episodes.episode.decisions
    at = episodes.decision
    if at is None:
        every = episodes.episode.plans.thinning.every
        kept = format.plural(len(steps), "decision")
        return f"{kept} stored{'' if every == 1 else f', every {every}th'}"
    where = f"at step {format.count(steps[at])} of {format.count(length)}"
    return f"Decision {format.count(at + 1)} of {format.count(len(steps))}, {where}"


def progress(episodes: PlanEpisodes) -> str:
    """How far a drive is, and of which run where another one is chosen by now."""
    advance, run = episodes.advance, episodes.session.choice.run
    elsewhere = run is None or run.id != episodes.driven_run
    who = "policy" if episodes.by_policy else "planner"
    said = "reading the checkpoint" if advance is None else f"{who}: {advance.sentence}"
    return f"Run {episodes.driven_run}, {said}" if elsewhere else f"{said[:1].upper()}{said[1:]}"


def emptiness(episodes: PlanEpisodes) -> Emptiness | None:
    """Why there is no episode to look at, and the next step; None where there is one."""
    if episodes.driver.busy:
        title = "The policy acts" if episodes.by_policy else "The planner acts"
        return Emptiness("clock", title, "The rewards are drawn below as they come.", token="accent")
    if episodes.failure:
        return Emptiness("warn", "This episode cannot be shown", episodes.failure, token="bad")
    if episodes.wanted is not None:
        return None
    session = episodes.session
    if not session.ready or session.draft.problems:
        said = plan_words.emptiness(session)
        text = "The planner can act for a whole episode as soon as a problem is posed."
        return Emptiness(said.icon, said.title, text, (), said.token)
    if episodes.obstacle:
        return Emptiness("lock", "No planned episode", episodes.obstacle)
    text = "Let the planner act until the task ends. Its searches are stored, to be stepped through afterwards."
    return Emptiness("play", "No planned episode yet", text, (("Drive an episode", episodes.drive),))


def _title(planner: str) -> str:
    try:
        return PLANNERS.find(planner).title
    except UnknownName:
        return planner


def _number(row: ArtifactRow, name: str) -> float | None:
    value = row.info.get(name)
    return float(value) if isinstance(value, (int, float)) else None
