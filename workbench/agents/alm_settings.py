"""Settings of ALM; no torch, so that forms and ``list`` work before it is loaded.

Defaults are those of the authors' code (preset ``alm-authors``), from which the published curves come; where the
paper's text differs, the field says so and the preset ``alm-paper`` sets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.agents.alm_equations import EQUATIONS
from workbench.equations import Equation
from workbench.settings import Problem, Schedule, setting
from workbench.spec import AgentSettings


@dataclass(frozen=True)
class AlmSettings(AgentSettings):
    """Aligned Latent Models (Ghugare et al., ICLR 2023)."""

    name: ClassVar[str] = "alm"
    equations: ClassVar[tuple[Equation, ...]] = EQUATIONS

    warm_up_steps: int = setting(
        4999,
        help="Uniformly random environment steps before learning starts (the paper says 5000).",
        unit="steps",
        low=0,
        group="Budget",
        source="Table 3",
    )
    batch_size: int = setting(
        512,
        help="Windows, and transitions, per update.",
        low=2,
        high=65536,
        log=True,
        group="Learning",
        source="Table 3",
    )
    rescale_actions: bool = setting(
        False,
        help="Act in [-1, 1], mapped onto the environment's bounds; the published curves act in raw bounds.",
        group="Acting",
        structural=True,
    )
    rollout_length: int = setting(
        3,
        help="K: model steps in the encoder's and the policy's objective.",
        unit="steps",
        low=1,
        high=100,
        ablation=True,
        tries=(1, 2, 5),
        group="Objective",
        source="Eq. 7, 8; Fig. 5b",
    )
    classifier_coefficient: float = setting(
        0.1,
        help="c: weight of the classifier's log-odds in the policy's imagined reward (theory: 1).",
        low=0.0,
        high=100.0,
        ablation=True,
        tries=(0.05, 0.15, 0.2, 0.5, 1.0),
        group="Objective",
        source="Eq. 8; Fig. 11",
    )
    kl_term: bool = setting(
        True,
        help="KL(model || encoder) in the encoder's and model's objective; without it latents collapse.",
        ablation=True,
        group="Objective",
        source="Eq. 7; Fig. 5a",
    )
    value_term: bool = setting(
        True,
        help="The value at the end of the rollout in the encoder's and model's objective.",
        ablation=True,
        group="Objective",
        source="Eq. 7; Fig. 5a",
    )
    classifier_term: bool = setting(
        True,
        help="The classifier's log-odds in the policy's imagined reward; off is the same as coefficient 0.",
        ablation=True,
        group="Objective",
        source="Eq. 8; Fig. 5a",
    )
    actor_loss: str = setting(
        "model",
        help="Policy objective: lambda-returns through the model, or TD3's value of the policy's action on the latent.",
        choices=("model", "td3"),
        ablation=True,
        group="Objective",
        source="Eq. 8; Fig. 5c",
    )
    log_reward: str = setting(
        "off",
        help="log r, log Q (arguments at least 1e-6) in Eq. 7 (encoder_only) or also Eq. 8 (naive), on rewards + 20; "
        "or rewards a (log(r + a) - log a), a = 10000 (shifted).",
        choices=("off", "encoder_only", "naive", "shifted"),
        ablation=True,
        group="Objective",
        source="Fig. 6, 12; App. A.8",
    )
    reconstruction: bool = setting(
        False,
        help="Maximum likelihood in place of Eq. 7: a decoder's squared error teaches the encoder, the KL the model.",
        ablation=True,
        group="Objective",
        source="Fig. 15",
        structural=True,
    )
    value_prediction: str = setting(
        "off",
        help="Reward's and critic's errors teach the encoder as well, or encoder and model one step on.",
        choices=("off", "encoder", "encoder_and_model"),
        ablation=True,
        group="Objective",
        source="Fig. 18, 19",
    )
    encoder: str = setting(
        "learned",
        help="Learned; identity: the state with a learned spread is the latent; states: the state itself, without a "
        "model, for TD3. The last two ignore latent_size.",
        choices=("learned", "identity", "states"),
        ablation=True,
        tries=("identity",),
        group="Networks",
        source="Fig. 13; App. F",
        structural=True,
    )
    entropy_bonus: bool = setting(
        False,
        help="ALM-ENT: the policy's own standard deviation, and its entropy in the imagined reward, weighted so that "
        "it stays at minus the number of actions.",
        ablation=True,
        group="Objective",
        source="Table 5",
        structural=True,
    )
    linear_classifier: bool = setting(
        False,
        help="The classifier is one linear layer.",
        ablation=True,
        group="Networks",
        source="Fig. 16",
        structural=True,
    )
    target_encoder: bool = setting(
        True,
        help="A slowly moving copy of the encoder in every target; off: the encoder itself, still without gradient.",
        ablation=True,
        group="Objective",
        source="Eq. 7; App. G",
    )
    activation: str = setting(
        "elu",
        help="Activation of the hidden layers.",
        choices=("elu", "relu"),
        ablation=True,
        group="Networks",
        source="Table 3; App. G",
        structural=True,
    )
    lambda_: float = setting(
        0.95,
        help="Weight of longer rollouts in the policy's average over rollout lengths.",
        low=0.0,
        high=1.0,
        group="Objective",
        source="App. A.3, Table 3",
    )
    lambda_over: str = setting(
        "all_t",
        help="Average the policy's returns from every imagined step (authors' code) or take the first's only (paper).",
        choices=("all_t", "first"),
        group="Paper and code",
        source="Eq. 8, App. A.3",
    )
    discount_model_loss: bool = setting(
        False,
        help="Discount reward, KL and value in the encoder's and model's objective (paper; the code does not).",
        group="Paper and code",
        source="Eq. 7, footnote 2",
    )
    classifier_pairs: str = setting(
        "half",
        help="Each row real or imagined, balanced (code), or every row both real and imagined (paper).",
        choices=("half", "both"),
        group="Paper and code",
        source="Eq. 9",
    )
    one_batch: bool = setting(
        False,
        help="Reward, classifier, critic and actor take one step of each window (paper) or draw anew (code).",
        group="Paper and code",
        source="Algorithm 1",
    )
    critics: int = setting(
        2,
        help="Critics of which the smaller value counts (code 2, paper 1).",
        low=1,
        high=2,
        group="Paper and code",
        source="Eq. 10",
        structural=True,
    )
    classifier_layer_norm: bool = setting(
        True,
        help="LayerNorm and tanh in the classifier's first layer (code yes, paper names only value and reward).",
        group="Paper and code",
        source="App. D",
        structural=True,
    )
    clip_acting_noise: bool = setting(
        False,
        help="Clip the exploration noise when acting too (paper's Table 3), not only in learning (code).",
        group="Paper and code",
        source="Table 3",
    )
    actor_input_gradient: bool = setting(
        False,
        help="Backpropagate through the policy's own input in imagination (paper; the code cuts it).",
        group="Paper and code",
        source="Eq. 8",
    )
    q_action_gradient: bool = setting(
        False,
        help="Backpropagate through the value's action (paper; the code cuts it).",
        group="Paper and code",
        source="Eq. 8",
    )
    classifier_next_gradient: bool = setting(
        False,
        help="Backpropagate through the classifier's next latent (paper; the code cuts it).",
        group="Paper and code",
        source="Eq. 8",
    )
    learning_rate: float = setting(
        1e-4,
        help="Adam's learning rate of all four groups.",
        above=0.0,
        high=1.0,
        log=True,
        group="Learning",
        source="Table 3",
    )
    max_gradient_norm: float = setting(
        100.0, help="Bound on each group's gradient norm.", above=0.0, log=True, group="Learning", source="Table 3"
    )
    target_rate: float = setting(
        0.005,
        help="How far the target encoder and critics move towards the current ones per update.",
        above=0.0,
        high=1.0,
        group="Learning",
        source="Table 3",
    )
    exploration_std: Schedule = setting(  # noqa: RUF009 (a schedule is frozen)
        Schedule(1.0, 0.1, 100_000),
        help="Standard deviation of the policy over train steps, in acting and learning.",
        low=0.0,
        high=10.0,
        group="Acting",
        source="Table 3",
    )
    noise_clip: float = setting(
        0.3, help="Bound on the policy's noise in learning.", above=0.0, high=10.0, group="Acting", source="Table 3"
    )
    latent_size: int = setting(
        50, help="Coordinates of a latent.", low=1, high=4096, group="Networks", source="Table 3", structural=True
    )
    hidden_size: int = setting(
        512, help="Width of every network but the model.", low=1, high=8192, log=True, group="Networks", structural=True
    )
    model_hidden_size: int = setting(
        1024, help="Width of the latent model.", low=1, high=8192, log=True, group="Networks", structural=True
    )

    def check(self) -> Iterator[Problem]:
        """A batch and a replay that fit together, and ablations that leave every network something to learn from."""
        yield from super().check()
        if self.replay_capacity < self.rollout_length:
            window = f"a window of {self.rollout_length} transitions (rollout_length)"
            yield Problem("replay_capacity", f"{self.replay_capacity} cannot hold {window}")
        if self.classifier_pairs == "half" and self.batch_size % 2:
            yield Problem("batch_size", f"{self.batch_size} is odd; half of it shows the classifier imagined latents")
        if self.entropy_bonus and self.actor_loss != "model":
            yield Problem("entropy_bonus", "it is added to imagined rewards; expected actor_loss model")
        if self.encoder == "states":
            yield from self._check_states()
        else:
            yield from self._check_model_objective()

    def _check_states(self) -> Iterator[Problem]:
        """Without a model, what needs one is refused."""
        if self.actor_loss != "td3":
            yield Problem("encoder", "states have no model that the policy could learn in; expected actor_loss td3")
        if self.reconstruction or self.value_prediction != "off":
            name = "reconstruction" if self.reconstruction else "value_prediction"
            yield Problem(name, "states have no encoder that it could teach; expected encoder learned")

    def _check_model_objective(self) -> Iterator[Problem]:
        """Encoder and model must each be reached by some term."""
        if self.reconstruction:
            if self.encoder != "learned":
                yield Problem("reconstruction", f"encoder {self.encoder} needs no decoder; expected encoder learned")
            if not self.kl_term:
                yield Problem("kl_term", "with reconstruction, nothing else teaches the model; expected true")
            if not self.value_term or self.value_prediction != "off":
                name = "value_prediction" if self.value_term else "value_term"
                yield Problem(name, "reconstruction has no value in its objective; leave it as it was")
        elif not self.kl_term and not self.value_term and self.rollout_length == 1:
            yield Problem("value_term", "one step without KL and value leaves the model nothing to learn from")
        if self.value_prediction == "encoder_and_model" and self.rollout_length < 2:
            yield Problem("value_prediction", "the model's step is judged at its end; expected rollout_length above 1")
