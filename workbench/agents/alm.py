"""ALM(K), Aligned Latent Models: one objective for representation, model and policy (Ghugare et al., ICLR 2023).

Equation -> method

- Eq. 7, encoder and model -> :meth:`AlignedLatentModel.encoder_model_loss`
- Eq. 8 with App. A.3's lambda average, policy -> :meth:`AlignedLatentModel.actor_loss`
- Eq. 9, classifier -> :meth:`AlignedLatentModel.classifier_loss`
- Eq. 10, critic -> :meth:`AlignedLatentModel.critic_loss`
- Eq. 11, reward -> :meth:`AlignedLatentModel.reward_loss`
- one step of Algorithm 1 -> :meth:`AlignedLatentModel.update`

The online encoder acts and starts the rollout of Eq. 7; everything else sees samples of the target encoder. Each loss
moves only its own group's parameters. Where paper and authors' code differ, a settings field chooses; the formulas of
the ablations that are not ALM's own stand in :mod:`workbench.agents.alm_variants`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from workbench.agents import alm_variants as variants
from workbench.agents.alm_estimates import AlmEstimator
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.alm_world_model import AlmWorldModel
from workbench.agents.base import GradientAgent, Memory, Metrics, Mode, TaskFacts
from workbench.agents.optimisation import GradientStep, soft_update
from workbench.models.gaussian import Gaussian, clamp_straight_through, kl_divergence, squashed_gaussian
from workbench.models.mlp import MLP, Activation
from workbench.noise import Noise, NoiseSource
from workbench.replay import Batch, Draw


class AlignedLatentModel(GradientAgent):
    """One seed of ALM(K). Latents z [batch, latent], actions a [batch, action], rewards and values [batch]."""

    settings: AlmSettings

    def __init__(self, settings: AlmSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        super().__init__(settings, facts, seed, device)
        #: False: policy and critic learn on bare states, with no model (Fig. 5c)
        self.has_model = settings.encoder != "states"
        self.draws = {}
        if self.has_model or settings.one_batch:
            self.draws["sequence"] = Draw(length=settings.rollout_length, batch=settings.batch_size)
        if not settings.one_batch:
            self.draws["transition"] = Draw(length=1, batch=settings.batch_size)
        # A sample stays this far inside the action bounds.
        self.action_low = torch.as_tensor(facts.action_low, device=device) + 1e-6
        self.action_high = torch.as_tensor(facts.action_high, device=device) - 1e-6
        self.scale = variants.RewardScale(settings.log_reward)
        self.temperature = variants.Temperature(facts.action_size, device)
        self._build_networks(settings, facts, NoiseSource(seed, "initialisation", device))
        self._build_optimisers(settings)

    # ---- networks ---------------------------------------------------------------------------------------------------

    def _build_networks(self, s: AlmSettings, facts: TaskFacts, noise: NoiseSource) -> None:
        observations, actions = int(np.prod(facts.observation_shape)), facts.action_size
        learned, hidden, wide = s.encoder == "learned", s.hidden_size, s.model_hidden_size
        self.latent_size = latents = s.latent_size if learned else observations
        activation = cast(Activation, s.activation)
        pair = latents + actions
        encoder_sizes = [observations, hidden, hidden, 2 * latents] if learned else [observations, latents]
        classifier_sizes = [pair + latents, 2] if s.linear_classifier else [pair + latents, hidden, hidden, 2]
        normalise_classifier = s.classifier_layer_norm and not s.linear_classifier
        self.encoder = MLP(encoder_sizes, noise, activation)
        self.encoder_target = MLP(encoder_sizes, noise, activation)
        self.model = MLP([pair, wide, wide, 2 * latents], noise, activation)
        self.reward = MLP([pair, hidden, hidden, 1], noise, activation, normalise_first=True)
        self.classifier = MLP(classifier_sizes, noise, activation, normalise_first=normalise_classifier)
        self.critic = MLP([pair, hidden, hidden, 1], noise, activation, normalise_first=True, members=s.critics)
        self.critic_target = MLP([pair, hidden, hidden, 1], noise, activation, normalise_first=True, members=s.critics)
        self.actor = MLP([latents, hidden, hidden, 2 * actions if s.entropy_bonus else actions], noise, activation)
        for target, source in ((self.encoder_target, self.encoder), (self.critic_target, self.critic)):
            target.load_state_dict(source.state_dict())
            target.requires_grad_(False)
        if self.has_model:
            self.networks |= {"encoder": self.encoder, "encoder_target": self.encoder_target, "model": self.model}
            self.networks |= {"reward": self.reward, "classifier": self.classifier}
        self.networks |= {"critic": self.critic, "critic_target": self.critic_target, "actor": self.actor}
        if s.reconstruction:
            self.decoder = MLP([latents, hidden, hidden, observations], noise, "elu")
            self.networks["decoder"] = self.decoder
        if s.entropy_bonus:
            self.networks["temperature"] = self.temperature

    def _build_optimisers(self, s: AlmSettings) -> None:
        groups = {"critic": [*self.critic.parameters()], "actor": [*self.actor.parameters()]}
        if self.has_model:
            groups["model"] = [*self.model.parameters(), *self.encoder.parameters()]
            groups["reward"] = [*self.reward.parameters(), *self.classifier.parameters()]
        if s.reconstruction:
            groups["model"] += self.decoder.parameters()
        if s.entropy_bonus:
            groups["temperature"] = [*self.temperature.parameters()]
        self.optimisers = {
            name: GradientStep(parameters, s.learning_rate, s.max_gradient_norm) for name, parameters in groups.items()
        }

    def encode(self, network: MLP, observation: Tensor) -> Gaussian:
        """e(z | s) for observations [..., *shape]."""
        flat = observation.flatten(start_dim=observation.ndim - len(self.facts.observation_shape))
        flat = flat.to(network.weights[0].dtype)
        if self.settings.encoder == "learned":
            return squashed_gaussian(network(flat))
        return variants.state_gaussian(flat, network if self.has_model else None)

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
        if self.settings.entropy_bonus:
            return variants.stochastic_policy(self.actor(z)).mean
        return cast(Tensor, self.actor(z)).tanh()

    def policy_sample(self, z: Tensor, std: Tensor, name: str, clip: float | None) -> Tensor:
        """Sample of pi(a | z): mean plus clipped noise, held inside the bounds with a straight-through gradient."""
        if self.settings.entropy_bonus:
            return self.stochastic_sample(z, self.noise, name)[0]
        mean = self.policy(z)
        noise = std * self.noise.normal(mean.shape, name)
        if clip is not None:
            noise = noise.clamp(-clip, clip)
        return clamp_straight_through(mean + noise, self.action_low, self.action_high)

    def stochastic_sample(self, z: Tensor, source: Noise, name: str) -> tuple[Tensor, Tensor]:
        """ALM-ENT: a sample with the policy's own standard deviation, held inside the bounds, and its -log pi [...]."""
        policy = variants.stochastic_policy(self.actor(z))
        noise = source.normal(policy.mean.shape, name)
        a = clamp_straight_through(policy.sample(noise), self.action_low, self.action_high)
        return a, variants.surprise(policy, noise)

    def draw(self, distribution: Gaussian, name: str) -> Tensor:
        """A reparameterised sample."""
        return distribution.sample(self.noise.normal(distribution.mean.shape, name))

    # ---- Eq. 7 ------------------------------------------------------------------------------------------------------

    def encoder_model_loss(self, batch: Batch, std: Tensor) -> tuple[Tensor, Metrics]:
        """Eq. 7, negated: sum over the window of KL(m || e_target) - r_theta, minus Q at its end; mean over the batch.

        Gradient reaches the encoder through z_0 alone and the model through every step.
        """
        s = self.settings
        if s.reconstruction:
            return variants.reconstruction_loss(self, batch)
        target = self.encode_target(batch.observations[1:])  # [K, batch, latent]
        z_0 = self.draw(self.encode(self.encoder, batch.observations[0]), "z0")
        latents, prior, z = self.rollout(z_0, batch.actions)
        kl = kl_divergence(prior, target)  # [K, batch]
        reward = self.predicted_reward(torch.stack(latents), batch.actions)  # [K, batch]
        with torch.no_grad():
            a = self.policy_sample(z, std, "action_K", s.noise_clip)
        value = self.value(self.critic, z, a)  # [batch]
        metrics = {"kl": kl.mean(), "model_reward": reward.mean(), "model_value": value.mean()}

        reward, value = self.scale.in_model_objective(reward), self.scale.in_model_objective(value)
        weights = self.window_weights()
        gain = (weights[:-1, None] * (reward - kl if s.kl_term else reward)).sum(0)
        if s.value_term:
            gain = gain + weights[-1] * value
        loss = -gain.mean()
        if s.value_prediction != "off":
            metrics["value_prediction_error"] = variants.value_prediction_error(self, latents, batch, std)
            loss = loss + metrics["value_prediction_error"]
        return loss, metrics

    def rollout(self, z: Tensor, actions: Tensor) -> tuple[list[Tensor], Gaussian, Tensor]:
        """The model along actions [K, batch, action]: z_0 to z_{K-1}, m(. | z_t, a_t) for each, and z_K."""
        latents, priors = [], []
        for t in range(len(actions)):
            prior = self.predict(z, actions[t])
            latents.append(z)
            priors.append(prior)
            z = self.draw(prior, f"model_{t}")
        return latents, Gaussian(torch.stack([p.mean for p in priors]), torch.stack([p.std for p in priors])), z

    def window_weights(self) -> Tensor:
        """g^t for t = 0 to K in Eq. 7 [K + 1]; 1 throughout in the authors' code."""
        discount = self.settings.discount if self.settings.discount_model_loss else 1.0
        return discount ** torch.arange(self.settings.rollout_length + 1, device=self.device)

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

    def critic_loss(
        self, z: Tensor, a: Tensor, r: Tensor, terminated: Tensor, z_next: Tensor, std: Tensor,
        draw: str = "next_action",
    ) -> Tensor:
        """Eq. 10: (Q(z, a) - (r + g (1 - terminated) Q_target(z', pi(z'))))^2, mean over batch and critics."""
        with torch.no_grad():
            a_next = self.policy_sample(z_next, std, draw, self.settings.noise_clip)
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
        latents, actions, surprise = self._imagine(z, std)  # [K + 1, batch, ...] each; surprise [K, batch]
        reward = self.predicted_reward(latents[:-1], actions[:-1])  # [K, batch]
        z_next = latents[1:] if s.classifier_next_gradient else latents[1:].detach()
        odds = self.log_odds(latents[:-1], actions[:-1], z_next)
        a_of_q = actions[1:] if s.q_action_gradient else actions[1:].detach()
        value = self.value(self.critic, latents[1:], a_of_q)  # [K, batch]: Q_1 ... Q_K; Q_0 has no weight

        metrics = {"imagined_reward": reward.mean(), "imagined_log_odds": odds.mean(), "imagined_value": value.mean()}
        reward, value = self.scale.in_policy_objective(reward), self.scale.in_policy_objective(value)
        gain = reward + s.classifier_coefficient * odds if s.classifier_term else reward
        if surprise is not None:
            gain = gain + self.temperature.alpha() * surprise
            metrics["policy_entropy"] = surprise.mean()
        returns = self.lambda_returns(gain, value)
        if s.lambda_over == "all_t":
            weights = s.discount ** torch.arange(steps, device=self.device)
            objective = (weights[:, None] * returns).mean()
        else:
            objective = returns[0].mean()
        return -objective, metrics

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

    def _imagine(self, z: Tensor, std: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """K model steps under the policy, and -log pi of its first K actions where the objective rewards entropy.

        The policy's input is cut unless the settings say otherwise.
        """
        s = self.settings
        latents, actions, surprises = [z], [], []
        for t in range(s.rollout_length):
            if s.entropy_bonus:
                a, surprise = self.stochastic_sample(self._seen(z), self.noise, f"imagine_action_{t}")
                surprises.append(surprise)
            else:
                a = self.policy_sample(self._seen(z), std, f"imagine_action_{t}", s.noise_clip)
            actions.append(a)
            z = self.draw(self.predict(z, a), f"imagine_model_{t}")
            latents.append(z)
        # The last action only enters Q_K: without gradient there, nothing of its graph is needed.
        with torch.set_grad_enabled(s.q_action_gradient):
            actions.append(self.policy_sample(self._seen(z), std, f"imagine_action_{s.rollout_length}", s.noise_clip))
        return torch.stack(latents), torch.stack(actions), torch.stack(surprises) if surprises else None

    def _seen(self, z: Tensor) -> Tensor:
        """An imagined latent as the policy's input."""
        return z if self.settings.actor_input_gradient else z.detach()

    # ---- Algorithm 1 ------------------------------------------------------------------------------------------------

    def schedule(self, step: int) -> dict[str, float]:
        """The policy's standard deviation, by train steps (environment steps since warm-up)."""
        return {"std": self.settings.exploration_std.at(step - self.settings.warm_up_steps)}

    def update(self, batches: Mapping[str, Batch], schedule: Mapping[str, Tensor]) -> Metrics:
        """One gradient step of each group, in the authors' order, then the targets."""
        std = schedule["std"]
        losses: Metrics = {}
        norms: Metrics = {}
        details: Metrics = {}
        if self.has_model:
            losses["encoder_model"], details = self.encoder_model_loss(batches["sequence"], std)
            norms["model"] = self.optimisers["model"](losses["encoder_model"])

        observations, a, r, terminated = self._transitions(batches)
        encoded = self.encode_target(observations)
        now, after = (Gaussian(encoded.mean[t], encoded.std[t]) for t in (0, 1))
        if self.has_model:
            losses["reward"], losses["classifier"] = self._reward_and_classifier_losses(now, a, r, after)
            norms["reward"] = self.optimisers["reward"](losses["reward"] + losses["classifier"])

        z, z_next = self.draw(now, "z_critic"), self.draw(after, "z_next_critic")
        losses["critic"] = self.critic_loss(z, a, r, terminated, z_next, std)
        norms["critic"] = self.optimisers["critic"](losses["critic"])

        losses["actor"], actor_details = self.actor_loss(self.draw(now, "z_actor"), std)
        norms["actor"] = self.optimisers["actor"](losses["actor"])
        if self.settings.entropy_bonus:
            losses["temperature"] = self.temperature.loss(actor_details["policy_entropy"])
            norms["temperature"] = self.optimisers["temperature"](losses["temperature"])
            actor_details["temperature"] = self.temperature.alpha()

        soft_update(self.encoder_target, self.encoder, self.settings.target_rate)
        soft_update(self.critic_target, self.critic, self.settings.target_rate)

        watched = {f"loss/{name}": value.detach() for name, value in losses.items()}
        watched.update({f"gradient_norm/{name}": value for name, value in norms.items()})
        self.watch.look(watched)
        return watched | {f"alm/{name}": value.detach() for name, value in {**details, **actor_details}.items()}

    def _reward_and_classifier_losses(
        self, now: Gaussian, a: Tensor, r: Tensor, after: Gaussian
    ) -> tuple[Tensor, Tensor]:
        """Eq. 11 and 9. Every use draws its own sample, as in the authors' code; the paper's pairs share theirs."""
        z_model = self.draw(now, "z_for_model")
        with torch.no_grad():
            z_imagined = self.draw(self.predict(z_model, a), "fake")
        z = z_model if self.settings.classifier_pairs == "both" else self.draw(now, "z_reward")
        reward_loss = self.reward_loss(z, a, r)
        return reward_loss, self.classifier_loss(z, a, self.draw(after, "z_next_classifier"), z_imagined)

    def _transitions(self, batches: Mapping[str, Batch]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Observations [2, batch, ...], actions, rewards, terminations [batch] for all but the encoder and model.

        With one batch, a step of each window drawn evenly: always the first would never be a terminal transition.
        """
        if "transition" in batches:
            batch = batches["transition"]
            return batch.observations[:2], batch.actions[0], self.scale.observed(batch.rewards[0]), batch.terminated[0]
        batch = batches["sequence"]
        size = batch.rewards.shape[1]
        rows = torch.arange(size, device=self.device)
        t = self.noise.indices(self.settings.rollout_length, (size,), "window_step")
        observations = torch.stack((batch.observations[t, rows], batch.observations[t + 1, rows]))
        rewards = self.scale.observed(batch.rewards[t, rows])
        return observations, batch.actions[t, rows], rewards, batch.terminated[t, rows]

    # ---- acting -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def act(
        self, observation: npt.NDArray[Any], memory: Memory, mode: Mode
    ) -> tuple[npt.NDArray[np.float32], Memory, dict[str, Any]]:
        """Sampled latent of the online encoder, then the policy's sample (explore) or its raw mean (evaluate)."""
        encoded = self.encode(self.encoder, torch.as_tensor(observation, device=self.device))
        z = encoded.sample(memory.noise.normal(encoded.mean.shape, "act_latent"))
        if mode == "explore" and self.settings.entropy_bonus:
            a, _ = self.stochastic_sample(z, memory.noise, "act_action")
            return a.cpu().numpy(), memory, {}
        a = self.policy(z)
        if mode == "explore":
            noise = self.schedule(self.step)["std"] * memory.noise.normal(a.shape, "act_action")
            if self.settings.clip_acting_noise:
                noise = noise.clamp(-self.settings.noise_clip, self.settings.noise_clip)
            a = (a + noise).clamp(self.action_low, self.action_high)
        return a.cpu().numpy(), memory, {}

    def world_model(self) -> AlmWorldModel | None:
        """The learned latent model with its reward, value and policy; None where states take the latents' place."""
        return AlmWorldModel(self) if self.has_model else None

    def estimator(self) -> AlmEstimator:
        """The critic's Q and the K-step estimate of Eq. 8."""
        return AlmEstimator(self)
