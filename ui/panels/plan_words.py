"""What the panels of Plan say: what to do first, how the search goes, and what became of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import format
from ui.draft import as_text, label
from ui.panels.latent_rollout_words import episode_words, no_checkpoint
from ui.panels.simulation_words import Emptiness
from ui.plan_draft import EPISODE, HAND, LIVE, TRUE
from ui.plan_reality import BEST, CANDIDATE, MEAN, PLAN
from workbench.settings import diff

if TYPE_CHECKING:
    from ui.plan_session import PlanSession
    from ui.plan_start import PlanStart
    from workbench.benchmarks.decision import DecisionCost
    from workbench.engine.planning_desk import PlanLook, PlanWish, RealityLook

#: the share of the return by which a plan must still grow to count as growing
_TELLING = 0.01
#: changed settings that are named
_CHANGES = 2
#: what was executed, as the subject of a sentence
_EXECUTED = {PLAN: "The plan", BEST: "The best sequence", MEAN: "The mean", CANDIDATE: "The candidate"}


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
        return no_checkpoint(choice.run)
    if session.failure:
        return Emptiness("warn", "This cannot be planned", session.failure, token="bad")
    if draft.problems:
        found = " ".join(f"{label(path)}: {message}" for path, message in draft.problems.items())
        return Emptiness("warn", "A setting does not fit", found, token="warn")
    if not session.ready:
        if session.start.typing:
            found = "Its field says what would be right."
            return Emptiness("warn", "A number of the start state does not fit", found, token="warn")
        text = "Choose a start state to plan from: the live run, a frame of an episode, or a reset."
        return Emptiness("plan", "No start state", text, (("Reset state", lambda: draft.choose(start="reset")),))
    if session.thread_.busy:
        cancel = (("Cancel", session.cancel),)
        return Emptiness("clock", "Planning", "The first iteration is under way.", cancel, "accent")
    steps = (("Step", session.step), ("Run to the end", session.to_the_end))
    return Emptiness("plan", "Ready to plan", "Space shows the first iteration, End runs all of them.", steps)


def start_words(start: PlanStart) -> str:
    """The start state in words, without a full stop."""
    kind, hand = start.kind, start.hand
    if kind == HAND:
        changed = f"{format.count(len(hand.texts))} of {format.plural(len(hand.fields()), 'number')} by hand"
        return f"{changed}, the others as in {hand.origin}"
    if kind == EPISODE:
        if start.episode is None:
            return "this run has no recorded episode"
        length = int(start.episode.info.get("length", 0))
        return f"step {format.count(start.frame)} of {format.count(length)} of {episode_words(start.episode)}"
    if kind == LIVE:
        at = "" if start.live_step is None else f" at step {format.count(start.live_step)}"
        return f"the training's simulator{at}"
    return f"the beginning of an episode, drawn from seed {start.reset_seed}"


def start_obstacles(session: PlanSession) -> dict[str, str]:
    """Kinds of start states, and why each cannot be chosen now; empty where it can."""
    start = session.start
    live = "" if start.trains_here else "This run does not train in this window, so it is nowhere now"
    there = start.state is not None or start.kind == HAND
    hand = "" if there and session.context.engine.state == "ready" else "Choose another start state first"
    return {EPISODE: "" if start.episodes() else "This run has no recorded episode", LIVE: live, HAND: hand}


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


def heading(look: PlanLook, *, beside: bool) -> str:
    """Which of two searches this is, and how far it is."""
    place = "beside" if beside else "this search"
    return f"{look.facts.planner}, {place} · iteration {look.step.iteration} · {figure(look.step.best_return)} at best"


def comparison(session: PlanSession) -> str:
    """The search against the one beside it, as far as both are shown; empty where there is none."""
    looks, other = session.looks[: session.shown], session.look_beside
    if not looks or other is None or looks[0].wish == other.wish:
        return ""
    reached, best = other.step.best_return, looks[-1].step.best_return
    its = figure(sum(look.step.milliseconds for look in session.beside[: session.beside.index(other) + 1]))
    mine = figure(sum(look.step.milliseconds for look in looks))
    how = "more" if best > reached else "less"
    return (
        f"That is {figure(abs(best - reached))} {how} than {other.facts.planner} beside it, which reached "
        f"{figure(reached)} in {format.plural(other.step.iteration, 'iteration')} ({its} ms against {mine})."
    )


def change(session: PlanSession) -> str:
    """What another setting changed, against the search that this one took the place of; empty where there was none."""
    before, looks = session.before, session.looks
    count = min(session.shown, len(before))
    if not count or not looks or session.beside:
        return ""
    old, new = before[0].wish, looks[0].wish
    words = _differing(old, new, before[0].facts.planner, looks[0].facts.planner)
    if not words:
        return ""
    shown = words[:_CHANGES] + ([format.plural(len(words) - _CHANGES, "more change")] if len(words) > _CHANGES else [])
    noise = "" if old.planner != new.planner else " and the same noise" if old.seed == new.seed else " and other noise"
    best, was = looks[count - 1].step.best_return, before[count - 1].step.best_return
    return (
        f"With {', '.join(shown)}{noise}, the best return after {format.plural(count, 'iteration')} is "
        f"{figure(best)} instead of {figure(was)}."
    )


def _differing(old: PlanWish, new: PlanWish, old_planner: str, new_planner: str) -> list[str]:
    """In what two searches differ, beside their noise."""
    words = []
    if old.run_id != new.run_id:
        words.append("another run")
    elif old.checkpoint != new.checkpoint:
        words.append("another checkpoint")
    if old.state != new.state:
        words.append("another start state")
    if old.model != new.model:
        words.append("the true dynamics" if new.model == "true" else "the learned dynamics")
    if old.planner != new.planner:
        return [*words, f"{new_planner} instead of {old_planner}"]
    for path, (was, now) in diff(old.settings, new.settings).items():
        words.append(f"{label(path)} {as_text(now)} instead of {as_text(was)}")
    return words


def cost(session: PlanSession, foreseen: DecisionCost | None) -> tuple[str, str, str]:
    """What a decision costs: measured as far as it went, then predicted beside its floor, and how both were found."""
    looks = session.looks[: session.shown]
    measured = sum(look.step.milliseconds for look in looks)
    whole = bool(looks) and session.ended and session.shown == len(session.looks)
    head = f"{figure(measured)} ms {'per decision' if whole else 'so far'}" if looks else ""
    tips = ["Measured: the iterations shown, beside whatever else this machine does."] if looks else []
    if foreseen is None:
        return head, "", "\n".join(tips)
    parts = [f"{figure(foreseen.predicted_ms)} ms predicted"]
    first = ", ".join(figure(each) for each in foreseen.milliseconds)
    tips.append(
        f"Predicted: {format.plural(foreseen.rounds, 'iteration')} at most; the first ones were run beforehand on this "
        f"machine and took {first} ms{' of a processor' if foreseen.clock == 'processor' else ''}, and the others are "
        "taken to be like the later of these."
    )
    if foreseen.floor_ms is not None:
        parts.append(f"{foreseen.predicted_ms / foreseen.floor_ms:.1f}x the matmul floor")
        tips.append(
            f"Floor: the {figure(foreseen.decision_flops / 1e9)} GFLOP of matrix products in it, at their shapes and "
            f"nothing else, take {figure(foreseen.floor_ms)} ms of a processor."
        )
    if foreseen.interval is not None:
        tips.append(f"A step of the environment lasts {figure(foreseen.interval)} ms.")
    return head, " · ".join(parts), "\n".join(tips)


def verdict(answer: RealityLook, executed: str = PLAN) -> str:
    """What became of the plan, or of what else was ``executed``; what a planner would not execute exploits nothing."""
    check, subject = answer.check, _EXECUTED[executed]
    steps, planned = len(check.real_rewards), len(check.imagined_rewards)
    ended = f" The episode ended after {steps} of {planned} steps." if check.terminated and steps < planned else ""
    size = max(abs(check.real_return), abs(check.imagined_return), 1e-9)
    if abs(check.gap) <= _TELLING * size:
        if answer.wish.model == TRUE:
            return f"{subject} is worth what was imagined, as it must be: the true simulator imagined it.{ended}"
        return f"{subject} is worth what was imagined (the gap is below 1 %).{ended}"
    hint = ": the planner may be exploiting the model's errors" if executed in (PLAN, BEST) else ""
    what = f"much{hint}" if check.gap > 0 else "little"
    return f"{subject} was promised {figure(abs(check.gap))} too {what} ({share(answer)} of the real return).{ended}"


def candidate_words(look: PlanLook, candidate: int) -> str:
    """Which one of its iteration this row of its ``actions`` is, and its rank."""
    step, returns = look.step, look.step.returns
    number = step.candidate(candidate)
    own, place = float(returns[number]), f"of {format.count(len(returns))}"
    if step.kept is not None:
        place = f"candidate {format.count(number + 1)} {place}"
    if own != own or own == -float("inf"):
        return f"{place}, its return is not finite"
    better = int((returns > own).sum())
    return f"{place}, rank {format.count(better + 1)} by its imagined return"


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
