"""What the panels of Plan say: what to do first, how the search goes, and what became of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import format
from ui.draft import label
from ui.panels.simulation_words import Emptiness

if TYPE_CHECKING:
    from ui.plan_session import PlanSession
    from workbench.engine.planning_desk import RealityLook

#: the share of the return by which a plan must still grow to count as growing
_TELLING = 0.01


def emptiness(session: PlanSession) -> Emptiness:
    """Why no iteration is shown, and the next step."""
    engine, choice, draft = session.context.engine, session.choice, session.draft
    if engine.state == "failed":
        return Emptiness("warn", "The engine could not be loaded", engine.problem, token="bad")
    if engine.state != "ready":
        return Emptiness("clock", "Preparing the engine", "Planning can begin when it is there.", token="accent")
    if choice.run is None:
        return Emptiness("plan", "No run to plan for", "Train a run first; then plan in the model that it learned.")
    if choice.row is None:
        return Emptiness("plan", "No checkpoint yet", f"{choice.run.name} has no checkpoint to plan with yet.")
    if session.failure:
        return Emptiness("warn", "This cannot be planned", session.failure, token="bad")
    if draft.problems:
        found = " ".join(f"{label(path)}: {message}" for path, message in draft.problems.items())
        return Emptiness("warn", "A setting does not fit", found, token="warn")
    if not session.ready:
        text = "Choose a start state to plan from: the live run, a frame of an episode, or a reset."
        return Emptiness("plan", "No start state", text, (("Reset state", lambda: draft.choose(start="reset")),))
    if session.thread_.busy:
        cancel = (("Cancel", session.cancel),)
        return Emptiness("clock", "Planning", "The first iteration is under way.", cancel, "accent")
    steps = (("Step", session.step), ("Run to the end", session.to_the_end))
    return Emptiness("plan", "Ready to plan", "Space shows the first iteration, End runs all of them.", steps)


def figure(value: float) -> str:
    """A return or a reward with three significant digits."""
    return format.number(float(f"{value:.3g}"))


def progress(session: PlanSession) -> str:
    """How the search goes, as a sentence."""
    looks = session.looks[: session.shown]
    if not looks:
        return ""
    step, first = looks[-1].step, looks[0].step
    lost = f" {format.count(step.nonfinite)} returns were not finite and never win." if step.nonfinite else ""
    if len(looks) == 1:
        return f"The plan after one iteration is imagined to return {figure(step.plan_return)}.{lost}"
    gained = step.best_return - first.best_return
    last = step.best_return - looks[-2].step.best_return
    done = format.plural(len(looks), "iteration")
    if last > _TELLING * max(abs(step.best_return), 1e-9):
        how = f"it still grows, by {figure(last)} in the last one (more than 1 %)"
    else:
        how = "it hardly grows any more (less than 1 % in the last one)"
    return f"The best imagined return rose by {figure(gained)} to {figure(step.best_return)} in {done}; {how}.{lost}"


def comparison(session: PlanSession) -> str:
    """The search against the one beside it, as far as both are; empty where there is none."""
    looks, other = session.looks[: session.shown], session.beside
    if not looks or not other or looks[0].wish == other[0].wish:
        return ""
    reached, best = other[-1].step.best_return, looks[-1].step.best_return
    mine, its = (figure(sum(look.step.milliseconds for look in each)) for each in (looks, other))
    how = "more" if best > reached else "less"
    return (
        f"That is {figure(abs(best - reached))} {how} than {other[0].facts.planner} beside it, which reached "
        f"{figure(reached)} in {format.plural(len(other), 'iteration')} ({its} ms against {mine})."
    )


def verdict(answer: RealityLook) -> str:
    """What became of the plan."""
    check = answer.check
    steps, planned = len(check.real_rewards), len(check.imagined_rewards)
    ended = f" The episode ended after {steps} of {planned} steps." if check.terminated and steps < planned else ""
    size = max(abs(check.real_return), abs(check.imagined_return), 1e-9)
    if abs(check.gap) <= _TELLING * size:
        return f"The plan is worth what was imagined (the gap is below 1 %).{ended}"
    what = "much: the planner may be exploiting the model's errors" if check.gap > 0 else "little"
    return f"The plan was promised {figure(abs(check.gap))} too {what} ({share(answer)} of the real return).{ended}"


def share(answer: RealityLook) -> str:
    """The gap as a share of the real return."""
    real = abs(answer.check.real_return)
    return format.percent(abs(answer.check.gap) / real) if real > 1e-9 else format.MISSING


def reality_emptiness(session: PlanSession, failure: str) -> Emptiness:
    """Why there is no reality check."""
    if session.look is None:
        said = emptiness(session)
        return Emptiness(said.icon, said.title, "A plan is executed here as soon as there is one.", (), said.token)
    if failure:
        return Emptiness("warn", "The plan could not be executed", failure, token="bad")
    return Emptiness("clock", "Executing the plan", "The true simulator goes through its steps.", token="accent")
