"""Aligned Latent Models in plain numpy: expected values for the tests of the losses.

Paper: "Simplifying Model-based RL: Learning Representations, Latent-space Models, and Policies with One Objective"
(ICLR 2023); equation numbers refer to it. "The authors" means their published code where it differs from the text.

Nothing is drawn here: every function takes its weights and its standard normal noise as arrays, computes in float64 and
shares no code with the agent. K is the horizon, B the batch, O, A and L the sizes of observation, action and latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MEAN_LIMIT = 30.0
STD_MIN, STD_MAX = 0.1, 10.0
LAYER_NORM_EPSILON = 1e-5
ACTION_MARGIN = 1e-6
FAKE, REAL = 0, 1  # the classifier's two logits: drawn from the model, drawn from the encoder


@dataclass(frozen=True)
class Network:
    """A perceptron: linears as (weight [out, in], bias [out]); with a layer norm (gain, shift) on the first layer, that
    layer is Linear, LayerNorm, tanh. The other hidden layers use `activation`; the last layer is linear."""

    linears: Sequence[tuple[Array, Array]]
    layer_norm: tuple[Array, Array] | None = None
    activation: Literal["elu", "relu"] = "elu"

    def arrays(self) -> list[Array]:
        """All weights, in a fixed order: of each linear the weight and the bias, then the layer norm's two."""
        return [array for pair in self.linears for array in pair] + list(self.layer_norm or ())


@dataclass(frozen=True)
class Networks:
    """All networks of one agent. One or two critics."""

    encoder: Network
    target_encoder: Network
    model: Network
    reward: Network
    classifier: Network
    critics: tuple[Network, ...]
    target_critics: tuple[Network, ...]
    actor: Network


@dataclass(frozen=True)
class Gaussian:
    """A diagonal normal distribution: mean and standard deviation, both [..., L]."""

    mean: Array
    std: Array

    def sample(self, noise: Array) -> Array:
        """mean + std * noise."""
        return self.mean + self.std * noise


@dataclass(frozen=True)
class Exploration:
    """Action noise: std, bound on |std * noise| (None: unbounded), lowest and highest action (scalar or [A])."""

    std: float
    clip: float | None = None
    low: float | Array = -1.0
    high: float | Array = 1.0


# Networks


def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    return np.asarray(np.logaddexp(0.0, x))


def forward(network: Network, *inputs: Array) -> Array:
    """The network's raw output for the inputs joined along the last axis."""
    x = np.concatenate(inputs, axis=-1)
    last = len(network.linears) - 1
    for index, (weight, bias) in enumerate(network.linears):
        x = np.einsum("...i,oi->...o", x, weight) + bias
        if index == last:
            break
        if index == 0 and network.layer_norm is not None:
            gain, shift = network.layer_norm
            centred = x - x.mean(-1, keepdims=True)
            variance = (centred**2).mean(-1, keepdims=True)
            x = np.tanh(gain * centred / np.sqrt(variance + LAYER_NORM_EPSILON) + shift)
        elif network.activation == "relu":
            x = np.maximum(x, 0.0)
        else:
            x = np.where(x > 0, x, np.exp(np.minimum(x, 0.0)) - 1.0)
    return x


def gaussian_head(raw: Array) -> Gaussian:
    """First half: mean, within +-30. Second half: std, squeezed by softplus from above (10), then from below (0.1)."""
    raw_mean, raw_std = np.split(raw, 2, axis=-1)
    below_maximum = STD_MAX - softplus(STD_MAX - raw_std)
    return Gaussian(MEAN_LIMIT * np.tanh(raw_mean / MEAN_LIMIT), STD_MIN + softplus(below_maximum - STD_MIN))


def encode(encoder: Network, observation: Array) -> Gaussian:
    """e(z|s)."""
    return gaussian_head(forward(encoder, observation))


def predict(model: Network, latent: Array, action: Array) -> Gaussian:
    """m(z'|z,a), absolute and not a difference."""
    return gaussian_head(forward(model, latent, action))


def predict_reward(reward: Network, latent: Array, action: Array) -> Array:
    """r_theta(z,a), [...]."""
    return forward(reward, latent, action)[..., 0]


def classifier_log_odds(classifier: Network, latent: Array, action: Array, next_latent: Array) -> Array:
    """log( C / (1 - C) ) of Eq. 8, C being the probability that z' came from the encoder, [...]."""
    logits = forward(classifier, latent, action, next_latent)
    return np.asarray(logits[..., REAL] - logits[..., FAKE])


def critic_values(critics: Sequence[Network], latent: Array, action: Array) -> Array:
    """Q(z,a) of each critic, [critic, ...]."""
    return np.stack([forward(critic, latent, action)[..., 0] for critic in critics])


def smallest_value(critics: Sequence[Network], latent: Array, action: Array) -> Array:
    """The smallest critic's Q(z,a), [...]."""
    return np.asarray(critic_values(critics, latent, action).min(0))


def actor_mean(actor: Network, latent: Array) -> Array:
    """tanh of the network, within (-1, 1) whatever the action range is."""
    return np.tanh(forward(actor, latent))


def noisy_action(mean: Array, noise: Array, exploration: Exploration) -> Array:
    """The mean plus the (bounded) noise, not yet held within the action range."""
    scaled = exploration.std * noise
    if exploration.clip is not None:
        scaled = np.clip(scaled, -exploration.clip, exploration.clip)
    return mean + scaled


def clamped_action(mean: Array, noise: Array, exploration: Exploration) -> Array:
    """The noisy action, held 1e-6 inside the action range (the authors' truncated normal)."""
    low, high = exploration.low + ACTION_MARGIN, exploration.high - ACTION_MARGIN
    return np.clip(noisy_action(mean, noise, exploration), low, high)


def kl_diagonal_gaussians(first: Gaussian, second: Gaussian) -> Array:
    """KL(first || second) in nats, summed over the last axis."""
    log_ratio = np.log(second.std / first.std)
    quadratic = (first.std**2 + (first.mean - second.mean) ** 2) / (2.0 * second.std**2)
    return np.asarray((log_ratio + quadratic - 0.5).sum(-1))


# Encoder and model


@dataclass(frozen=True)
class EncoderModelLoss:
    """Eq. 7, negated: total = kl - reward - value, each summed over time with its discount and averaged over the batch.
    value_action [B, A] is the action of the value term."""

    total: float
    kl: float
    reward: float
    value: float
    value_action: Array


def encoder_model_loss(
    networks: Networks,
    first_observation: Array,
    actions: Array,
    next_observations: Array,
    *,
    encoder_noise: Array,
    model_noise: Array,
    action_noise: Array,
    exploration: Exploration,
    discount: float = 1.0,
    kl_term: bool = True,
    value_term: bool = True,
    target_encoder: bool = True,
    value_action: Array | None = None,
) -> EncoderModelLoss:
    """Eq. 7, negated, along replayed actions: z_0 from the encoder, later latents from the model.

    first_observation [B, O], actions [K, B, A], next_observations [K, B, O], encoder_noise [B, L], model_noise
    [K, B, L], action_noise [B, A]. discount: gamma of Eq. 7; 1 as the authors do. target_encoder False: the KL is
    towards the online encoder. value_action given: taken as the action at z_K (no gradient passes through it).
    """
    posterior = networks.target_encoder if target_encoder else networks.encoder
    latent = encode(networks.encoder, first_observation).sample(encoder_noise)
    kl = reward = value = 0.0
    for step in range(len(actions)):
        prior = predict(networks.model, latent, actions[step])
        divergence = kl_diagonal_gaussians(prior, encode(posterior, next_observations[step]))
        kl += discount**step * float(divergence.mean()) * kl_term
        reward += discount**step * float(predict_reward(networks.reward, latent, actions[step]).mean())
        latent = prior.sample(model_noise[step])
    if value_action is None:
        value_action = clamped_action(actor_mean(networks.actor, latent), action_noise, exploration)
    if value_term:
        value = discount ** len(actions) * float(smallest_value(networks.critics, latent, value_action).mean())
    return EncoderModelLoss(kl - reward - value, kl, reward, value, value_action)


# Classifier, reward, critic: all on detached latents


def classifier_loss_half(
    classifier: Network, latent: Array, action: Array, real_next: Array, fake_next: Array, fake_rows: NDArray[np.intp]
) -> float:
    """Eq. 9, negated, as the authors do: the rows in fake_rows (half of the batch) show the model's z', the others the
    encoder's; softmax cross entropy of the two logits, averaged over the B rows."""
    next_latent, label = real_next.copy(), np.full(len(latent), REAL)
    next_latent[fake_rows], label[fake_rows] = fake_next[fake_rows], FAKE
    logits = forward(classifier, latent, action, next_latent)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return float(-np.log(probabilities[np.arange(len(label)), label]).mean())


def classifier_loss_both(
    classifier: Network, latent: Array, action: Array, real_next: Array, fake_next: Array
) -> float:
    """Eq. 9, negated, as the paper writes it: each pair (z, a) is shown with a real and with a fake z'. Averaged over
    the 2B rows, so that its scale is that of the half/half loss (log 2 for a classifier that knows nothing)."""
    log_real = -softplus(-classifier_log_odds(classifier, latent, action, real_next))
    log_not_fake = -softplus(classifier_log_odds(classifier, latent, action, fake_next))
    return float(-(log_real.mean() + log_not_fake.mean()) / 2.0)


def reward_loss(reward: Network, latent: Array, action: Array, rewards: Array) -> float:
    """Eq. 11: mean squared error to the raw reward [B]."""
    return float(((predict_reward(reward, latent, action) - rewards) ** 2).mean())


def critic_targets(
    networks: Networks,
    rewards: Array,
    terminal: Array,
    next_latent: Array,
    action_noise: Array,
    exploration: Exploration,
    discount: float,
) -> Array:
    """r + gamma (1 - terminal) min Q_target(z', pi(z')), [B]; the action is the online actor's, with bounded noise."""
    next_action = clamped_action(actor_mean(networks.actor, next_latent), action_noise, exploration)
    return rewards + discount * (1.0 - terminal) * smallest_value(networks.target_critics, next_latent, next_action)


def critic_loss(critics: Sequence[Network], latent: Array, action: Array, targets: Array) -> float:
    """Eq. 10: mean squared error, averaged over the critics."""
    return float(((critic_values(critics, latent, action) - targets) ** 2).mean())


# Actor


@dataclass(frozen=True)
class Held:
    """Values that no gradient passes through, so that a derivative by differences sees the same cuts as the loss.

    actor_inputs [K+1, B, L]: latents shown to the actor. q_actions [K+1, B, A]: actions shown to Q. classifier_next
    [K, B, L]: z' shown to the classifier. action_offsets [K+1, B, A]: clamped minus unclamped action (straight-through
    clamp). None: computed from the perturbed weights, that is with gradient.
    """

    actor_inputs: Array | None = None
    q_actions: Array | None = None
    classifier_next: Array | None = None
    action_offsets: Array | None = None


@dataclass(frozen=True)
class ActorLoss:
    """total, and what it was made of: latents [K+1, B, L], actions and offsets [K+1, B, A], rewards [K, B] (classifier
    term included), values [K+1, B], returns [K, B]."""

    total: float
    latents: Array
    actions: Array
    offsets: Array
    rewards: Array
    values: Array
    returns: Array

    def held(
        self,
        actor_input_gradient: bool = False,
        q_action_gradient: bool = False,
        classifier_next_gradient: bool = False,
    ) -> Held:
        """What to hold for a derivative at these weights; all three cut as the authors do."""
        return Held(
            None if actor_input_gradient else self.latents,
            None if q_action_gradient else self.actions,
            None if classifier_next_gradient else self.latents[1:],
            self.offsets,
        )


def imagine(
    networks: Networks, latent: Array, action_noise: Array, model_noise: Array, exploration: Exploration, held: Held
) -> tuple[Array, Array, Array]:
    """K model steps under the policy: latents [K+1, B, L], actions and their clamp offsets [K+1, B, A]."""
    latents, actions, offsets = [latent], [], []
    for step in range(len(model_noise) + 1):
        seen = latents[step] if held.actor_inputs is None else held.actor_inputs[step]
        mean = actor_mean(networks.actor, seen)
        unclamped = noisy_action(mean, action_noise[step], exploration)
        clamped = clamped_action(mean, action_noise[step], exploration)
        offsets.append(clamped - unclamped if held.action_offsets is None else held.action_offsets[step])
        actions.append(unclamped + offsets[step])
        if step < len(model_noise):
            latents.append(predict(networks.model, latents[step], actions[step]).sample(model_noise[step]))
    return np.stack(latents), np.stack(actions), np.stack(offsets)


def lambda_returns(rewards: Array, values: Array, discount: float, decay: float) -> Array:
    """A.3, for every starting step: rewards [K, ...], values [K+1, ...] to returns [K, ...].

    With n = 1..h steps left, V = (1 - decay) sum_{n<h} decay^(n-1) G_n + decay^(h-1) G_h, where
    G_n = sum_{j<n} gamma^j r_j + gamma^n Q_n is the n-step return. Q_0 has no part in it.
    """
    horizon = len(rewards)
    returns = np.zeros_like(rewards)
    for start in range(horizon):
        left = horizon - start
        for steps in range(1, left + 1):
            weight = decay ** (steps - 1) * (1.0 if steps == left else 1.0 - decay)
            n_step = discount**steps * values[start + steps]
            for later in range(steps):
                n_step = n_step + discount**later * rewards[start + later]
            returns[start] += weight * n_step
    return returns


def actor_loss(
    networks: Networks,
    latent: Array,
    *,
    action_noise: Array,
    model_noise: Array,
    exploration: Exploration,
    discount: float = 0.99,
    decay: float = 0.95,
    coefficient: float = 0.1,
    average: Literal["all_t", "first"] = "all_t",
    held: Held | None = None,
) -> ActorLoss:
    """Eq. 8 with the average of A.3, negated. latent [B, L], action_noise [K+1, B, A], model_noise [K, B, L].

    all_t: mean over steps and batch of gamma^t V_t (the authors). first: mean over the batch of V_0; with decay 1 that
    is Eq. 8 alone. coefficient: c of Eq. 8.
    """
    held = held or Held()
    latents, actions, offsets = imagine(networks, latent, action_noise, model_noise, exploration, held)
    next_latents = latents[1:] if held.classifier_next is None else held.classifier_next
    log_odds = classifier_log_odds(networks.classifier, latents[:-1], actions[:-1], next_latents)
    rewards = predict_reward(networks.reward, latents[:-1], actions[:-1]) + coefficient * log_odds
    values = smallest_value(networks.critics, latents, actions if held.q_actions is None else held.q_actions)
    returns = lambda_returns(rewards, values, discount, decay)
    if average == "first":
        total = -returns[0].mean()
    else:
        total = -np.mean([discount**step * returns[step] for step in range(len(returns))])
    return ActorLoss(float(total), latents, actions, offsets, rewards, values, returns)


def td3_actor_loss(
    networks: Networks,
    latent: Array,
    action_noise: Array,
    exploration: Exploration,
    offset: Array | float | None = None,
) -> float:
    """-mean min Q(z, pi(z)): the actor without a model. offset: the clamp's, held for a derivative by differences."""
    mean = actor_mean(networks.actor, latent)
    action = clamped_action(mean, action_noise, exploration)
    if offset is not None:
        action = noisy_action(mean, action_noise, exploration) + offset
    return float(-smallest_value(networks.critics, latent, action).mean())
