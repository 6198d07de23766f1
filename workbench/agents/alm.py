"""ALM(K), Aligned Latent Models: one objective for representation, model and policy (Ghugare et al., ICLR 2023).

Equation -> method

- Eq. 7, encoder and model -> :meth:`AlignedLatentModel.encoder_model_loss`
- Eq. 8 with App. A.3's lambda average, policy -> :meth:`AlignedLatentModel.actor_loss`
- Eq. 9, classifier -> :meth:`AlignedLatentModel.classifier_loss`
- Eq. 10, critic -> :meth:`AlignedLatentModel.critic_loss`
- Eq. 11, reward -> :meth:`AlignedLatentModel.reward_loss`
- one step of Algorithm 1 -> :meth:`AlignedLatentModel.update`

The online encoder acts and starts the rollout of Eq. 7; everything else sees samples of the target encoder. Each loss
moves only its own group's parameters. Where paper and authors' code differ, a settings field chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from workbench.agents.alm_settings import AlmSettings
from workbench.agents.alm_world_model import AlmWorldModel
from workbench.agents.base import GradientAgent, Memory, Metrics, Mode, TaskFacts
from workbench.agents.optimisation import GradientStep, soft_update
from workbench.models.gaussian import Gaussian, clamp_straight_through, kl_divergence, squashed_gaussian
from workbench.models.mlp import MLP, Activation
from workbench.noise import NoiseSource
from workbench.replay import Batch, Draw


class AlignedLatentModel(GradientAgent):
    """One seed of ALM(K). Latents z [batch, latent], actions a [batch, action], rewards and values [batch]."""

    settings: AlmSettings

    def __init__(self, settings: AlmSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        super().__init__(settings, facts, seed, device)
        self.draws = {"sequence": Draw(length=settings.rollout_length, batch=settings.batch_size)}
        if not settings.one_batch:
            self.draws["transition"] = Draw(length=1, batch=settings.batch_size)
        # A sample stays this far inside the action bounds.
        self.action_low = torch.as_tensor(facts.action_low, device=device) + 1e-6
        self.action_high = torch.as_tensor(facts.action_high, device=device) - 1e-6
        self._build_networks(settings, facts, NoiseSource(seed, "initialisation", device))
        self._build_optimisers(settings)

    # ---- networks ---------------------------------------------------------------------------------------------------

    def _build_networks(self, s: AlmSettings, facts: TaskFacts, noise: NoiseSource) -> None:
        observations, actions = int(np.prod(facts.observation_shape)), facts.action_size
        latents, hidden, wide = s.latent_size, s.hidden_size, s.model_hidden_size
        activation = cast(Activation, s.activation)
        pair = latents + actions
        classifier_sizes = [pair + latents, 2] if s.linear_classifier else [pair + latents, hidden, hidden, 2]
        normalise_classifier = s.classifier_layer_norm and not s.linear_classifier
        self.encoder = MLP([observations, hidden, hidden, 2 * latents], noise, activation)
        self.encoder_target = MLP([observations, hidden, hidden, 2 * latents], noise, activation)
        self.model = MLP([pair, wide, wide, 2 * latents], noise, activation)
        self.reward = MLP([pair, hidden, hidden, 1], noise, activation, normalise_first=True)
        self.classifier = MLP(classifier_sizes, noise, activation, normalise_first=normalise_classifier)
        self.critic = MLP([pair, hidden, hidden, 1], noise, activation, normalise_first=True, members=s.critics)
        self.critic_target = MLP([pair, hidden, hidden, 1], noise, activation, normalise_first=True, members=s.critics)
        self.actor = MLP([latents, hidden, hidden, actions], noise, activation)
        for target, source in ((self.encoder_target, self.encoder), (self.critic_target, self.critic)):
            target.load_state_dict(source.state_dict())
            target.requires_grad_(False)
        self.networks = {
            "encoder": self.encoder,
            "encoder_target": self.encoder_target,
            "model": self.model,
            "reward": self.reward,
            "classifier": self.classifier,
            "critic": self.critic,
            "critic_target": self.critic_target,
            "actor": self.actor,
        }

    def _build_optimisers(self, s: AlmSettings) -> None:
        groups = {
            "model": [*self.model.parameters(), *self.encoder.parameters()],
            "reward": [*self.reward.parameters(), *self.classifier.parameters()],
            "critic": [*self.critic.parameters()],
            "actor": [*self.actor.parameters()],
        }
        self.optimisers = {
            name: GradientStep(parameters, s.learning_rate, s.max_gradient_norm) for name, parameters in groups.items()
        }

    def encode(self, network: MLP, observation: Tensor) -> Gaussian:
        """e(z | s) for observations [..., *shape]."""
        flat = observation.flatten(start_dim=observation.ndim - len(self.facts.observation_shape))
        return squashed_gaussian(network(flat.to(network.weights[0].dtype)))

    def encode_target(self, observation: Tensor) -> Gaussian:
        """e_target(z | s), without gradient; the online encoder where the target encoder is switched off."""
        with torch.no_grad():
            return self.encode(self.encoder_target if self.settings.target_encoder else self.encoder, observation)

    def predict(self, z: Tensor, a: Tensor) -> Gaussian:
        """m(z' | z, a)."""
        return squashed_gaussian(self.model(torch.cat((z, a), -1)))

    def predicted_reward(self, z: Tensor, a: Tensor) -> Tensor:
        """r_theta(z, a)."""
        return cast(Tensor, self.reward(torch.cat((z, a), -1))).squeeze(-1)

    def log_odds(self, z: Tensor, a: Tensor, z_next: Tensor) -> Tensor:
        """log C / (1 - C), the estimate of log e(z' | s') - log m(z' | z, a): logit "encoder" minus logit "model"."""
        logits = self.classifier(torch.cat((z, a, z_next), -1))
        return cast(Tensor, logits[..., 1] - logits[..., 0])

    def value(self, critic: MLP, z: Tensor, a: Tensor) -> Tensor:
        """Q(z, a), the smallest over the critics."""
        return cast(Tensor, critic(torch.cat((z, a), -1))).squeeze(-1).amin(0)

    def policy(self, z: Tensor) -> Tensor:
        """Mean of pi(a | z), in (-1, 1)."""
        return cast(Tensor, self.actor(z)).tanh()

    def policy_sample(self, z: Tensor, std: Tensor, name: str, clip: float | None) -> Tensor:
        """Sample of pi(a | z): mean plus clipped noise, held inside the bounds with a straight-through gradient."""
        mean = self.policy(z)
        noise = std * self.noise.normal(mean.shape, name)
        if clip is not None:
            noise = noise.clamp(-clip, clip)
        return clamp_straight_through(mean + noise, self.action_low, self.action_high)

    def draw(self, distribution: Gaussian, name: str) -> Tensor:
        """A reparameterised sample."""
        return distribution.sample(self.noise.normal(distribution.mean.shape, name))

    # ---- Eq. 7 ------------------------------------------------------------------------------------------------------

    def encoder_model_loss(self, batch: Batch, std: Tensor) -> tuple[Tensor, Metrics]:
        """Eq. 7, negated: sum over the window of KL(m || e_target) - r_theta, minus Q at its end; mean over the batch.

        Gradient reaches the encoder through z_0 alone and the model through every step.
        """
        s, steps = self.settings, self.settings.rollout_length
        target = self.encode_target(batch.observations[1:])  # [K, batch, latent]
        z = self.draw(self.encode(self.encoder, batch.observations[0]), "z0")
        latents, priors = [], []
        for t in range(steps):
            prior = self.predict(z, batch.actions[t])
            latents.append(z)
            priors.append(prior)
            z = self.draw(prior, f"model_{t}")
        prior = Gaussian(torch.stack([p.mean for p in priors]), torch.stack([p.std for p in priors]))
        kl = kl_divergence(prior, target)  # [K, batch]
        reward = self.predicted_reward(torch.stack(latents), batch.actions)  # [K, batch]
        with torch.no_grad():
            a = self.policy_sample(z, std, "action_K", s.noise_clip)
        value = self.value(self.critic, z, a)  # [batch]

        discount = s.discount if s.discount_model_loss else 1.0
        weights = discount ** torch.arange(steps + 1, device=self.device)
        gain = (weights[:steps, None] * (reward - kl if s.kl_term else reward)).sum(0)
        if s.value_term:
            gain = gain + weights[steps] * value
        return -gain.mean(), {"kl": kl.mean(), "model_reward": reward.mean(), "model_value": value.mean()}

    # ---- Eq. 9, 10, 11 ----------------------------------------------------------------------------------------------

    def reward_loss(self, z: Tensor, a: Tensor, r: Tensor) -> Tensor:
        """Eq. 11: (r_theta(z, a) - r)^2, mean over the batch."""
        return functional.mse_loss(self.predicted_reward(z, a), r)

    def classifier_loss(self, z: Tensor, a: Tensor, z_real: Tensor, z_imagined: Tensor) -> Tensor:
        """Eq. 9 as a cross entropy in nats: label 1 for the encoder's z', 0 for the model's; mean over all shown."""
        if self.settings.classifier_pairs == "both":
            real, imagined = self.log_odds(z, a, z_real), self.log_odds(z, a, z_imagined)
            return 0.5 * (functional.softplus(-real) + functional.softplus(imagined)).mean()
        rows = self.noise.permutation(len(z), "permutation")
        half = len(z) // 2
        is_real = z.new_ones(len(z)).index_fill_(0, rows[:half], 0.0)
        odds = self.log_odds(z, a, torch.where(is_real.bool().unsqueeze(-1), z_real, z_imagined))
        return functional.binary_cross_entropy_with_logits(odds, is_real)

    def critic_loss(self, z: Tensor, a: Tensor, r: Tensor, terminated: Tensor, z_next: Tensor, std: Tensor) -> Tensor:
        """Eq. 10: (Q(z, a) - (r + g (1 - terminated) Q_target(z', pi(z'))))^2, mean over batch and critics."""
        with torch.no_grad():
            a_next = self.policy_sample(z_next, std, "next_action", self.settings.noise_clip)
            target = r + self.settings.discount * (1.0 - terminated) * self.value(self.critic_target, z_next, a_next)
        q = self.critic(torch.cat((z, a), -1)).squeeze(-1)  # [critics, batch]
        return functional.mse_loss(q, target.expand_as(q))

    # ---- Eq. 8 ------------------------------------------------------------------------------------------------------

    def actor_loss(self, z: Tensor, std: Tensor) -> tuple[Tensor, Metrics]:
        """Eq. 8 with the lambda average of App. A.3, negated; or TD3's -Q(z, pi(z)) on the latent."""
        if self.settings.actor_loss == "td3":
            a = self.policy_sample(z, std, "imagine_action_0", self.settings.noise_clip)
            return -self.value(self.critic, z, a).mean(), {}
        s, steps = self.settings, self.settings.rollout_length
        latents, actions = self._imagine(z, std)  # [K + 1, batch, latent], [K + 1, batch, action]
        reward = self.predicted_reward(latents[:-1], actions[:-1])  # [K, batch]
        z_next = latents[1:] if s.classifier_next_gradient else latents[1:].detach()
        odds = self.log_odds(latents[:-1], actions[:-1], z_next)
        a_of_q = actions[1:] if s.q_action_gradient else actions[1:].detach()
        value = self.value(self.critic, latents[1:], a_of_q)  # [K, batch]: Q_1 ... Q_K; Q_0 has no weight

        gain = reward + s.classifier_coefficient * odds if s.classifier_term else reward
        returns = self.lambda_returns(gain, value)
        if s.lambda_over == "all_t":
            weights = s.discount ** torch.arange(steps, device=self.device)
            objective = (weights[:, None] * returns).mean()
        else:
            objective = returns[0].mean()
        return -objective, {
            "imagined_reward": reward.mean(),
            "imagined_log_odds": odds.mean(),
            "imagined_value": value.mean(),
        }

    def lambda_returns(self, reward: Tensor, value: Tensor) -> Tensor:
        """V_t = r_t + g ((1 - lambda) Q_{t+1} + lambda V_{t+1}), V_K = Q_K, for t < K.

        ``reward`` [K, batch] at steps 0..K-1, ``value`` [K, batch] at steps 1..K; returns [K, batch].
        """
        discount, weight = self.settings.discount, self.settings.lambda_
        following = value[-1]
        returns = []
        for t in reversed(range(len(reward))):
            following = reward[t] + discount * ((1.0 - weight) * value[t] + weight * following)
            returns.append(following)
        return torch.stack(returns[::-1])

    def _imagine(self, z: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """K model steps under the policy. The policy's input is cut unless the settings say otherwise."""
        s = self.settings
        latents, actions = [z], []
        for t in range(s.rollout_length):
            actions.append(self._imagined_action(z, std, t))
            z = self.draw(self.predict(z, actions[-1]), f"imagine_model_{t}")
            latents.append(z)
        # The last action only enters Q_K: without gradient there, nothing of its graph is needed.
        with torch.set_grad_enabled(s.q_action_gradient):
            actions.append(self._imagined_action(z, std, s.rollout_length))
        return torch.stack(latents), torch.stack(actions)

    def _imagined_action(self, z: Tensor, std: Tensor, t: int) -> Tensor:
        z = z if self.settings.actor_input_gradient else z.detach()
        return self.policy_sample(z, std, f"imagine_action_{t}", self.settings.noise_clip)

    # ---- Algorithm 1 ------------------------------------------------------------------------------------------------

    def schedule(self, step: int) -> dict[str, float]:
        """The policy's standard deviation, by train steps (environment steps since warm-up)."""
        return {"std": self.settings.exploration_std.at(step - self.settings.warm_up_steps)}

    def update(self, batches: Mapping[str, Batch], schedule: Mapping[str, Tensor]) -> Metrics:
        """One gradient step of each group, in the authors' order, then the targets."""
        std = schedule["std"]
        sequence = batches["sequence"]
        loss, metrics = self.encoder_model_loss(sequence, std)
        norms = {"model": self.optimisers["model"](loss)}
        losses = {"encoder_model": loss}

        observations, a, r, terminated = self._transitions(batches)
        encoded = self.encode_target(observations)
        now, after = (Gaussian(encoded.mean[t], encoded.std[t]) for t in (0, 1))
        # Every use below draws its own sample, as in the authors' code; only the paper's pairs share theirs (Eq. 9).
        z_model = self.draw(now, "z_for_model")
        with torch.no_grad():
            z_imagined = self.draw(self.predict(z_model, a), "fake")
        z = z_model if self.settings.classifier_pairs == "both" else self.draw(now, "z_reward")

        losses["reward"] = self.reward_loss(z, a, r)
        losses["classifier"] = self.classifier_loss(z, a, self.draw(after, "z_next_classifier"), z_imagined)
        norms["reward"] = self.optimisers["reward"](losses["reward"] + losses["classifier"])

        losses["critic"] = self.critic_loss(
            self.draw(now, "z_critic"), a, r, terminated, self.draw(after, "z_next_critic"), std
        )
        norms["critic"] = self.optimisers["critic"](losses["critic"])

        losses["actor"], actor_metrics = self.actor_loss(self.draw(now, "z_actor"), std)
        norms["actor"] = self.optimisers["actor"](losses["actor"])

        soft_update(self.encoder_target, self.encoder, self.settings.target_rate)
        soft_update(self.critic_target, self.critic, self.settings.target_rate)

        watched = {f"loss/{name}": value.detach() for name, value in losses.items()}
        watched.update({f"gradient_norm/{name}": value for name, value in norms.items()})
        self.watch.look(watched)
        details = {f"alm/{name}": value.detach() for name, value in {**metrics, **actor_metrics}.items()}
        return {**watched, **details}

    def _transitions(self, batches: Mapping[str, Batch]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Observations [2, batch, ...], actions, rewards, terminations [batch] for all but the encoder and model.

        With one batch, a step of each window drawn evenly: always the first would never be a terminal transition.
        """
        if "transition" in batches:
            batch = batches["transition"]
            return batch.observations[:2], batch.actions[0], batch.rewards[0], batch.terminated[0]
        batch = batches["sequence"]
        size = batch.rewards.shape[1]
        rows = torch.arange(size, device=self.device)
        t = self.noise.indices(self.settings.rollout_length, (size,), "window_step")
        observations = torch.stack((batch.observations[t, rows], batch.observations[t + 1, rows]))
        return observations, batch.actions[t, rows], batch.rewards[t, rows], batch.terminated[t, rows]

    # ---- acting -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def act(
        self, observation: npt.NDArray[Any], memory: Memory, mode: Mode
    ) -> tuple[npt.NDArray[np.float32], Memory, dict[str, Any]]:
        """Sampled latent of the online encoder, then the policy's sample (explore) or its raw mean (evaluate)."""
        encoded = self.encode(self.encoder, torch.as_tensor(observation, device=self.device))
        a = self.policy(encoded.sample(memory.noise.normal(encoded.mean.shape, "act_latent")))
        if mode == "explore":
            noise = self.schedule(self.step)["std"] * memory.noise.normal(a.shape, "act_action")
            if self.settings.clip_acting_noise:
                noise = noise.clamp(-self.settings.noise_clip, self.settings.noise_clip)
            a = (a + noise).clamp(self.action_low, self.action_high)
        return a.cpu().numpy(), memory, {}

    def world_model(self) -> AlmWorldModel:
        """The learned latent model with its reward, value and policy."""
        return AlmWorldModel(self)
