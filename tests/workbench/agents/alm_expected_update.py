"""One whole update of Aligned Latent Models in plain numpy, and what surrounds it: targets, schedule, Adam, windows.

Derivatives are central differences of the losses in `alm_expected`, so no rule of differentiation is shared with an
agent; what an agent cuts from its gradient is held at its value instead. Meant for a few hundred weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents.alm_expected import Array, Exploration, Network, Networks

# Replay


@dataclass(frozen=True)
class Transition:
    """A stored step. terminal: the episode ended for good. reset: it was cut off, the next step is of another."""

    terminal: bool = False
    reset: bool = False


def admissible_starts(
    ring: Sequence[Transition | None], head: int, length: int, *, across_resets: bool = False
) -> set[int]:
    """Slots of a ring buffer at which a window of `length` steps may start.

    head: the slot that is written next; None: a slot never written. The window's last step may end its episode, the
    others may not; with across_resets only a terminal step counts as an end.
    """
    starts = set()
    for start in range(len(ring)):
        slots = [(start + step) % len(ring) for step in range(length)]
        window = [ring[slot] for slot in slots]
        if head in slots[1:] or None in window:
            continue
        ends = [step.terminal or (step.reset and not across_resets) for step in window[:-1] if step is not None]
        if not any(ends):
            starts.add(start)
    return starts


# Schedule, targets, optimiser


def linear_schedule(start: float, end: float, duration: float, step: float) -> float:
    """start at step 0, end from `duration` on, a straight line between."""
    return end if step >= duration else start + (end - start) * step / duration


def soft_update(target: Network, source: Network, rate: float) -> Network:
    """(1 - rate) target + rate source, weight by weight."""

    def blend(pair: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
        return (1 - rate) * pair[0] + rate * other[0], (1 - rate) * pair[1] + rate * other[1]

    linears = [blend(pair, other) for pair, other in zip(target.linears, source.linears, strict=True)]
    if target.layer_norm is None or source.layer_norm is None:
        return replace(target, linears=linears)
    return replace(target, linears=linears, layer_norm=blend(target.layer_norm, source.layer_norm))


def clip_by_global_norm(gradients: Sequence[Array], maximum: float) -> tuple[list[Array], float]:
    """The gradients, scaled down to a common norm of `maximum` if theirs is larger; and their norm before that."""
    norm = float(np.sqrt(sum(float((gradient**2).sum()) for gradient in gradients)))
    scale = min(1.0, maximum / (norm + 1e-6))
    return [scale * gradient for gradient in gradients], norm


@dataclass
class Adam:
    """Adam with decay rates 0.9 and 0.999 and epsilon 1e-8; keeps the moments of one group of weights."""

    learning_rate: float
    count: int = 0
    moments: list[tuple[Array, Array]] = field(default_factory=list)

    def step(self, arrays: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Move the arrays, in place, against their gradients."""
        self.count += 1
        if not self.moments:
            self.moments = [(np.zeros_like(array), np.zeros_like(array)) for array in arrays]
        for array, gradient, (first, second) in zip(arrays, gradients, self.moments, strict=True):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            unbiased_first, unbiased_second = first / (1 - 0.9**self.count), second / (1 - 0.999**self.count)
            array -= self.learning_rate * unbiased_first / (np.sqrt(unbiased_second) + 1e-8)


def numeric_gradient(loss: Callable[[], float], arrays: Sequence[Array], width: float = 1e-5) -> list[Array]:
    """d loss / d array for each array, by central differences; the arrays are moved in place and put back."""
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + width
            above = loss()
            array[place] = kept - width
            gradient[place] = (above - loss()) / (2 * width)
            array[place] = kept
    return gradients


# One update


@dataclass(frozen=True)
class Settings:
    """What distinguishes the authors' code (the defaults) from the paper's text, and the numbers of Table 3.

    model_discount: gamma of Eq. 7 (the paper: as discount). average, classifier_pairs: "first", "both" in the paper.
    The three gradients are True in the paper.
    """

    discount: float = 0.99
    model_discount: float = 1.0
    decay: float = 0.95
    coefficient: float = 0.1
    average: Literal["all_t", "first"] = "all_t"
    classifier_pairs: Literal["half", "both"] = "half"
    actor_input_gradient: bool = False
    q_action_gradient: bool = False
    classifier_next_gradient: bool = False
    learning_rate: float = 1e-4
    max_gradient_norm: float = 100.0
    target_rate: float = 0.005


@dataclass(frozen=True)
class Batches:
    """Windows, step first: observations, next observations [K, B, O], actions [K, B, A]. Single transitions: the same
    without K, and rewards, terminal [B] (terminal 1.0 where the episode ended for good)."""

    window_observations: Array
    window_actions: Array
    window_next_observations: Array
    observations: Array
    actions: Array
    rewards: Array
    next_observations: Array
    terminal: Array


Noise = Mapping[str, NDArray[Any]]
"""Standard normal arrays by name: z0, model_0.., action_K for the windows; z_for_model, z_reward, z_next_classifier,
fake, z_critic, z_next_critic, next_action, z_actor, imagine_action_0.., imagine_model_0.. for the rest; permutation,
the rows of the batch in random order, of which the first half shows the classifier the model's z'."""


@dataclass(frozen=True)
class Part:
    """One optimiser's share: the losses by name (their sum is minimised) and the arrays that it moves."""

    name: str
    losses: Callable[[], dict[str, float]]
    arrays: list[Array]

    def total(self) -> float:
        """What the optimiser minimises."""
        return sum(self.losses().values())


def representation_part(
    networks: Networks, batches: Batches, noise: Noise, exploration: Exploration, settings: Settings
) -> Part:
    """Eq. 7: moves the model and the encoder."""
    horizon = len(batches.window_actions)

    def loss(value_action: Array | None) -> alm.EncoderModelLoss:
        return alm.encoder_model_loss(
            networks,
            batches.window_observations[0],
            batches.window_actions,
            batches.window_next_observations,
            encoder_noise=noise["z0"],
            model_noise=np.stack([noise[f"model_{step}"] for step in range(horizon)]),
            action_noise=noise["action_K"],
            exploration=exploration,
            discount=settings.model_discount,
            value_action=value_action,
        )

    held = loss(None).value_action
    arrays = networks.model.arrays() + networks.encoder.arrays()
    return Part("representation", lambda: {"representation": loss(held).total}, arrays)


def reward_classifier_part(networks: Networks, batches: Batches, noise: Noise, settings: Settings) -> Part:
    """Eqs. 9 and 11: move the reward network and the classifier. The fake z' comes from a z of its own draw."""
    now = alm.encode(networks.target_encoder, batches.observations)
    after = alm.encode(networks.target_encoder, batches.next_observations)
    latent, real_next = now.sample(noise["z_reward"]), after.sample(noise["z_next_classifier"])
    prior = alm.predict(networks.model, now.sample(noise["z_for_model"]), batches.actions)
    fake_next = prior.sample(noise["fake"])

    def classifier_loss() -> float:
        shown = networks.classifier, latent, batches.actions, real_next, fake_next
        if settings.classifier_pairs == "both":
            return alm.classifier_loss_both(*shown)
        return alm.classifier_loss_half(*shown, noise["permutation"][: len(latent) // 2])

    def losses() -> dict[str, float]:
        reward = alm.reward_loss(networks.reward, latent, batches.actions, batches.rewards)
        return {"reward": reward, "classifier": classifier_loss()}

    return Part("reward", losses, networks.reward.arrays() + networks.classifier.arrays())


def critic_part(
    networks: Networks, batches: Batches, noise: Noise, exploration: Exploration, settings: Settings
) -> Part:
    """Eq. 10: moves the critics."""
    latent = alm.encode(networks.target_encoder, batches.observations).sample(noise["z_critic"])
    next_latent = alm.encode(networks.target_encoder, batches.next_observations).sample(noise["z_next_critic"])
    targets = alm.critic_targets(
        networks, batches.rewards, batches.terminal, next_latent, noise["next_action"], exploration, settings.discount
    )

    def losses() -> dict[str, float]:
        return {"critic": alm.critic_loss(networks.critics, latent, batches.actions, targets)}

    return Part("critic", losses, [array for critic in networks.critics for array in critic.arrays()])


def actor_part(
    networks: Networks, batches: Batches, noise: Noise, exploration: Exploration, settings: Settings
) -> Part:
    """Eq. 8 with A.3: moves the actor."""
    horizon = len(batches.window_actions)

    def loss(held: alm.Held | None) -> alm.ActorLoss:
        return alm.actor_loss(
            networks,
            alm.encode(networks.target_encoder, batches.observations).sample(noise["z_actor"]),
            action_noise=np.stack([noise[f"imagine_action_{step}"] for step in range(horizon + 1)]),
            model_noise=np.stack([noise[f"imagine_model_{step}"] for step in range(horizon)]),
            exploration=exploration,
            discount=settings.discount,
            decay=settings.decay,
            coefficient=settings.coefficient,
            average=settings.average,
            held=held,
        )

    held = loss(None).held(settings.actor_input_gradient, settings.q_action_gradient, settings.classifier_next_gradient)
    return Part("actor", lambda: {"actor": loss(held).total}, networks.actor.arrays())


def parts(
    networks: Networks, batches: Batches, noise: Noise, exploration: Exploration, settings: Settings
) -> Iterator[Part]:
    """The four parts in order; each is set up only after the one before has moved its weights."""
    yield representation_part(networks, batches, noise, exploration, settings)
    yield reward_classifier_part(networks, batches, noise, settings)
    yield critic_part(networks, batches, noise, exploration, settings)
    yield actor_part(networks, batches, noise, exploration, settings)


@dataclass(frozen=True)
class Update:
    """Losses and norms of the unclipped gradients by name; the networks, with their targets after the update."""

    losses: dict[str, float]
    gradient_norms: dict[str, float]
    networks: Networks


def update(
    networks: Networks,
    batches: Batches,
    noise: Noise,
    exploration: Exploration,
    settings: Settings,
    optimisers: Mapping[str, Adam] | None = None,
) -> Update:
    """One update. Without optimisers nothing is moved and every loss belongs to the given weights; with them (one per
    part name) the online networks are moved in place and the result holds the new targets."""
    losses: dict[str, float] = {}
    norms: dict[str, float] = {}
    for part in parts(networks, batches, noise, exploration, settings):
        losses.update(part.losses())
        gradients = numeric_gradient(part.total, part.arrays)
        clipped, norms[part.name] = clip_by_global_norm(gradients, settings.max_gradient_norm)
        if optimisers is not None:
            optimisers[part.name].step(part.arrays, clipped)
    if optimisers is not None:
        critics = zip(networks.target_critics, networks.critics, strict=True)
        networks = replace(
            networks,
            target_encoder=soft_update(networks.target_encoder, networks.encoder, settings.target_rate),
            target_critics=tuple(soft_update(target, critic, settings.target_rate) for target, critic in critics),
        )
    return Update(losses, norms, networks)
