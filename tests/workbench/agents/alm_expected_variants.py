"""The ablations of Aligned Latent Models in plain numpy, beside `alm_expected`: nothing drawn, no code shared.

Figures, tables and appendices are those of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents.alm_expected import Array, Exploration, Gaussian, Network, Networks

STD_LOW, STD_HIGH = np.exp(-5), np.exp(2)  # of ALM-ENT's policy


# Log reward (Fig. 6, 12; App. A.8)


def log_of(x: Array) -> Array:
    """log x, of at least 1e-6."""
    return np.log(np.maximum(x, 1e-6))


def shifted_reward(reward: Array, a: float = 1e4) -> Array:
    """a (log(r + a) - log a)."""
    return a * (np.log(reward + a) - np.log(a))


def log_encoder_model_loss(
    networks: Networks,
    first_observation: Array,
    actions: Array,
    next_observations: Array,
    *,
    encoder_noise: Array,
    model_noise: Array,
    action_noise: Array,
    exploration: Exploration,
) -> float:
    """Eq. 7, negated, with log r and log Q; undiscounted, as in the authors' code."""
    latent = alm.encode(networks.encoder, first_observation).sample(encoder_noise)
    total = 0.0
    for step in range(len(actions)):
        prior = alm.predict(networks.model, latent, actions[step])
        target = alm.encode(networks.target_encoder, next_observations[step])
        total += float(alm.kl_diagonal_gaussians(prior, target).mean())
        total -= float(log_of(alm.predict_reward(networks.reward, latent, actions[step])).mean())
        latent = prior.sample(model_noise[step])
    action = alm.clamped_action(alm.actor_mean(networks.actor, latent), action_noise, exploration)
    return total - float(log_of(alm.smallest_value(networks.critics, latent, action)).mean())


def log_actor_loss(
    networks: Networks,
    latent: Array,
    *,
    action_noise: Array,
    model_noise: Array,
    exploration: Exploration,
    discount: float,
    decay: float,
    coefficient: float,
) -> float:
    """Eq. 8, negated, with log r and log Q, averaged over starting steps as in the authors' code."""
    latents, actions, _ = alm.imagine(networks, latent, action_noise, model_noise, exploration, alm.Held())
    odds = alm.classifier_log_odds(networks.classifier, latents[:-1], actions[:-1], latents[1:])
    rewards = log_of(alm.predict_reward(networks.reward, latents[:-1], actions[:-1])) + coefficient * odds
    values = log_of(alm.smallest_value(networks.critics, latents, actions))
    returns = alm.lambda_returns(rewards, values, discount, decay)
    return -float(np.mean([discount**step * returns[step] for step in range(len(returns))]))


# Identity encoder (Fig. 13; App. F)


def identity_encode(spread: Network, observation: Array) -> Gaussian:
    """Mean: the state. Std: a linear layer of it, squeezed as the encoder's."""
    raw = alm.forward(spread, observation)
    return Gaussian(observation, alm.gaussian_head(np.concatenate((raw, raw), -1)).std)


# Reconstruction (Fig. 15)


def reconstruction_loss(
    networks: Networks,
    decoder: Network,
    observation: Array,
    actions: Array,
    next_observations: Array,
    encoder_noise: Array,
    model_noise: Array,
    held: tuple[Array, Sequence[Gaussian]] | None = None,
) -> float:
    """KL(model || online encoder) over the window plus the decoder's squared error, mean over batch and coordinates.

    held: z_0 as the model sees it and the encoder's side of the KL, which no gradient passes through.
    """
    latent = alm.encode(networks.encoder, observation).sample(encoder_noise)
    error = float(((alm.forward(decoder, latent) - observation) ** 2).mean())
    targets = [alm.encode(networks.encoder, following) for following in next_observations] if held is None else held[1]
    latent = latent if held is None else held[0]
    kl = 0.0
    for step in range(len(actions)):
        prior = alm.predict(networks.model, latent, actions[step])
        kl += float(alm.kl_diagonal_gaussians(prior, targets[step]).mean())
        latent = prior.sample(model_noise[step])
    return kl + error


# Value prediction (Fig. 18, 19)


def value_prediction_error(
    networks: Networks,
    latent: Array,
    action: Array,
    reward: Array,
    terminal: Array,
    next_latent: Array,
    action_noise: Array,
    exploration: Exploration,
    discount: float,
) -> float:
    """Eq. 10 and 11, summed, at a latent that the encoder or the model gave."""
    targets = alm.critic_targets(networks, reward, terminal, next_latent, action_noise, exploration, discount)
    error = alm.critic_loss(networks.critics, latent, action, targets)
    return alm.reward_loss(networks.reward, latent, action, reward) + error


# Entropy bonus (Table 5)


def stochastic_policy(actor: Network, latent: Array) -> Gaussian:
    """tanh mean; std squeezed by softplus from above (e^2), then from below (e^-5)."""
    raw_mean, raw_std = np.split(alm.forward(actor, latent), 2, axis=-1)
    below = STD_HIGH - alm.softplus(STD_HIGH - raw_std)
    return Gaussian(np.tanh(raw_mean), STD_LOW + alm.softplus(below - STD_LOW))


def log_density(policy: Gaussian, action: Array) -> Array:
    """Of independent normal coordinates, [...]."""
    standard = (action - policy.mean) / policy.std
    return np.asarray((-0.5 * standard**2 - np.log(policy.std * np.sqrt(2 * np.pi))).sum(-1))


def entropy_actor_loss(
    networks: Networks,
    latent: Array,
    *,
    action_noise: Array,
    model_noise: Array,
    bounds: tuple[float, float],
    discount: float,
    decay: float,
    coefficient: float,
    alpha: float,
) -> tuple[float, float]:
    """Eq. 8, negated, with -alpha log pi of the action before its bounds in each reward; and the mean of -log pi."""
    latents, actions, surprise = [latent], [], []
    for step in range(len(model_noise) + 1):
        policy = stochastic_policy(networks.actor, latents[step])
        unclamped = policy.sample(action_noise[step])
        actions.append(np.clip(unclamped, bounds[0] + alm.ACTION_MARGIN, bounds[1] - alm.ACTION_MARGIN))
        if step < len(model_noise):
            surprise.append(-log_density(policy, unclamped))
            latents.append(alm.predict(networks.model, latents[step], actions[step]).sample(model_noise[step]))
    z, a = np.stack(latents), np.stack(actions)
    odds = alm.classifier_log_odds(networks.classifier, z[:-1], a[:-1], z[1:])
    rewards = alm.predict_reward(networks.reward, z[:-1], a[:-1]) + coefficient * odds + alpha * np.stack(surprise)
    returns = alm.lambda_returns(rewards, alm.smallest_value(networks.critics, z, a), discount, decay)
    total = -float(np.mean([discount**step * returns[step] for step in range(len(returns))]))
    return total, float(np.mean(surprise))
