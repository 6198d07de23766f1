"""What each metric is called, measured in, and means: for plots, tables and tooltips."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from workbench import events


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric in words. ``family`` heads the list that it stands in; ``unit`` may be empty."""

    name: str
    title: str
    unit: str
    help: str
    family: str

    @property
    def axis_title(self) -> str:
        """Title with the unit in brackets."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


#: prefix -> heading, in the order in which lists show them
_FAMILIES = {
    "evaluation": "Evaluation",
    "episode": "Training episodes",
    "loss": "Losses",
    "gradient_norm": "Gradient norms",
    "q_bias": "Q-bias",
    "alm": "ALM",
    "model": "Model",
    "speed": "Speed",
    "time": "Time shares",
}

_SHARE = "Share of the time between two logged points that went into this."

# pattern: (title, unit, help); a star in the pattern stands for words that replace the star of the title
_METRICS: dict[str, tuple[str, str, str]] = {
    "evaluation/return": (
        "Evaluation return",
        "",
        "Undiscounted sum of rewards of an episode acted without exploration, mean over the evaluation's episodes.",
    ),
    "evaluation/length": ("Evaluation length", "steps", "Steps per evaluation episode, mean over its episodes."),
    "episode/return": (
        "Training return",
        "",
        "Undiscounted sum of rewards of a training episode, exploration noise included.",
    ),
    "episode/length": ("Training episode length", "steps", "Environment steps of a training episode."),
    "loss/encoder_model": (
        "Encoder and model loss",
        "",
        "Eq. 7, negated: KL of model and target encoder minus predicted rewards, over the rollout, minus the final Q.",
    ),
    "loss/reward": ("Reward loss", "", "Eq. 11: mean squared error of the predicted reward."),
    "loss/classifier": (
        "Classifier loss",
        "nats",
        "Eq. 9: cross entropy of telling encoded from imagined latents; 0.69 (ln 2) means that it cannot.",
    ),
    "loss/critic": ("Critic loss", "", "Eq. 10: mean squared temporal-difference error over batch and critics."),
    "loss/actor": ("Actor loss", "", "Eq. 8, negated: imagined return that the policy ascends."),
    "loss/temperature": ("Temperature loss", "", "ALM-ENT: alpha times the entropy above its target, in nats."),
    "loss/*": ("Loss, *", "", "A loss as the optimiser sees it, mean over the updates since the last point."),
    "gradient_norm/*": (
        "Gradient norm, *",
        "",
        "Global norm of the group's gradient before clipping, mean over the updates since the last point.",
    ),
    "alm/kl": ("KL, model to encoder", "nats", "Eq. 7's KL of the latent model and the target encoder, per step."),
    "alm/model_reward": ("Reward in the model's rollout", "", "Predicted reward along the rollout of Eq. 7, per step."),
    "alm/model_value": ("Value at the rollout's end", "", "Smallest Q over the critics at the last latent of Eq. 7."),
    "alm/imagined_reward": ("Imagined reward", "", "Predicted reward along the actor's imagined rollout, per step."),
    "alm/imagined_log_odds": (
        "Imagined log odds",
        "nats",
        "Classifier's log odds (encoder against model) along the actor's rollout: what Eq. 8 adds to the reward.",
    ),
    "alm/imagined_value": ("Imagined Q", "", "Smallest Q over the critics along the actor's imagined rollout."),
    "alm/reconstruction_error": (
        "Reconstruction error",
        "",
        "Squared error of the decoded first latent, mean over batch and coordinates.",
    ),
    "alm/value_prediction_error": (
        "Value prediction error",
        "",
        "Squared errors of reward and critics, summed, as encoder and model see them.",
    ),
    "alm/policy_entropy": ("Policy entropy", "nats", "Mean of -log pi over imagined actions, before the bounds."),
    "alm/temperature": ("Temperature", "", "ALM-ENT: alpha, the weight of the entropy in the imagined reward."),
    "q_bias/mean": (
        "Q-bias of the critic, mean",
        "",
        "Critic's Q against Monte-Carlo returns of the policy, mean over states; sign and normaliser by the settings.",
    ),
    "q_bias/std": ("Q-bias of the critic, std", "", "Standard deviation of the normalised bias over the states."),
    "q_bias/k_step_mean": (
        "Q-bias of the K-step estimate, mean",
        "",
        "Eq. 8's estimate through the model against Monte-Carlo returns, mean over states.",
    ),
    "q_bias/k_step_std": (
        "Q-bias of the K-step estimate, std",
        "",
        "Standard deviation of the normalised bias over the states.",
    ),
    "loss/model": (
        "Model loss",
        "nats",
        "Negative log likelihood of normalised changes and rewards, with weight decay, mean over the members.",
    ),
    "model/held_out_error": (
        "Held-out error",
        "",
        "Squared error of the members' means on transitions that none learns from, in units of the data's variance.",
    ),
    "speed/steps": ("Environment steps per second", "steps/s", "Since the last logged point, evaluation included."),
    "speed/updates": ("Updates per second", "updates/s", "Since the last logged point, evaluation included."),
    "time/*": ("Time share, *", "fraction", _SHARE),
}


def describe(name: str) -> MetricInfo:
    """Words for a metric; one that nobody registered gets its own name, spelled out."""
    prefix, _, rest = name.rpartition("/")
    family = _FAMILIES.get(prefix, _words(prefix) or "Other")
    pattern = _pattern(name)
    if pattern is None:
        return MetricInfo(name, _words(name), "", "", family)
    title, unit, help_sentence = _METRICS[pattern]
    title = title.replace("*", rest.replace("_", " "))
    return MetricInfo(name, title, unit, help_sentence, family)


def is_described(name: str) -> bool:
    """Whether the metric, or its kind, is registered."""
    return _pattern(name) is not None


def in_families(names: list[str]) -> dict[str, list[MetricInfo]]:
    """Metrics under their headings: the known families in their order, then the others by name."""
    grouped: dict[str, list[MetricInfo]] = {heading: [] for heading in _FAMILIES.values()}
    for info in map(describe, sorted(names, key=_place)):
        grouped.setdefault(info.family, []).append(info)
    return {heading: infos for heading, infos in grouped.items() if infos}


def scalars(event: events.Event) -> dict[str, float]:
    """The numbers of an event by metric name; empty for an event that has none."""
    if isinstance(event, events.ScalarsLogged | events.AnalysisFinished):
        return event.values
    if isinstance(event, events.EpisodeFinished):
        return {"episode/return": event.episode_return, "episode/length": float(event.length)}
    if isinstance(event, events.EvaluationFinished):
        length = sum(event.lengths) / len(event.lengths)
        return {"evaluation/return": event.mean_return, "evaluation/length": length}
    return {}


def _pattern(name: str) -> str | None:
    """The entry that is meant: the exact one, else the first whose stars fit."""
    if name in _METRICS:
        return name
    return next((pattern for pattern in _METRICS if fnmatchcase(name, pattern)), None)


def _place(name: str) -> tuple[int, str]:
    """Registered metrics in the registry's order, then the others by name."""
    pattern = _pattern(name)
    return (len(_METRICS) if pattern is None else list(_METRICS).index(pattern)), name


def _words(text: str) -> str:
    spelled = text.replace("/", ", ").replace("_", " ")
    return spelled[:1].upper() + spelled[1:]
