"""Each ablation changes the losses that it is about, and leaves the others as they were, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.workbench.agents.alm_agent import SMALL, agent_batches, copy_weights, fixed_noise, make_agent, make_settings
from tests.workbench.agents.alm_peer import make_batches, make_noise
from workbench.agents.alm_settings import AlmSettings
from workbench.settings import fields_of

LOSSES = {"encoder_model", "reward", "classifier", "critic", "actor"}

#: field -> (another value, the losses that it changes)
EXPECTED: dict[str, tuple[Any, set[str]]] = {
    "rollout_length": (2, {"encoder_model", "actor"}),
    "classifier_coefficient": (0.2, {"actor"}),
    "kl_term": (False, {"encoder_model"}),
    "value_term": (False, {"encoder_model"}),
    "classifier_term": (False, {"actor"}),
    "actor_loss": ("td3", {"actor"}),
    "linear_classifier": (True, {"classifier", "actor"}),
    "target_encoder": (False, LOSSES),
    "activation": ("relu", LOSSES),
    "log_reward": ("naive", LOSSES - {"classifier"}),
    "reconstruction": (True, {"encoder_model"}),
    "value_prediction": ("encoder", {"encoder_model"}),
    "encoder": ("identity", LOSSES),
    "entropy_bonus": (True, {"encoder_model", "critic", "actor"}),
    "observation_noise": (0.1, set()),  # it is the environment's, not the update's
    "dynamics_noise": (0.1, set()),
}
#: other values of the same fields, and what else an ablation needs
MORE: list[tuple[dict[str, Any], set[str]]] = [
    ({"log_reward": "encoder_only"}, {"encoder_model", "reward", "critic"}),
    ({"log_reward": "shifted"}, {"reward", "critic"}),
    ({"value_prediction": "encoder_and_model"}, {"encoder_model"}),
]
ABLATIONS = [field for field in fields_of(AlmSettings) if field.ablation]
#: steps without length, so that all losses belong to the given weights
STILL = {"learning_rate": 1e-30, "max_gradient_norm": 1e30}


def numbers(**changes: Any) -> dict[str, torch.Tensor]:
    """The metrics of one update on the same weights, batches and noise, whatever the settings."""
    settings = make_settings(**STILL, **changes)
    agent = make_agent(settings, double=False)
    copy_weights(make_agent(make_settings(**STILL), double=False), agent)
    horizon = settings.rollout_length
    batches = make_batches(SMALL, 3)
    batches = replace(
        batches,
        window_observations=batches.window_observations[:horizon],
        window_actions=batches.window_actions[:horizon],
        window_next_observations=batches.window_next_observations[:horizon],
    )
    sizes = replace(SMALL, latent=SMALL.observation) if settings.encoder == "identity" else SMALL
    noise = fixed_noise(settings, make_noise(sizes, 4), torch.float32)
    agent.noise = noise
    metrics = agent.update(agent_batches(settings, batches, torch.float32), {"std": torch.tensor(0.5)})
    noise.finish()
    return metrics


@pytest.fixture(scope="module")
def usual() -> dict[str, torch.Tensor]:
    return numbers()


def test_every_ablation_has_an_expectation() -> None:
    assert {field.path for field in ABLATIONS} == set(EXPECTED)


@pytest.mark.parametrize("name", [field.path for field in ABLATIONS])
def test_an_ablation_changes_its_losses_and_no_other(name: str, usual: dict[str, torch.Tensor]) -> None:
    value, expected = EXPECTED[name]
    assert changed(numbers(**{name: value}), usual) == expected


@pytest.mark.parametrize(("fields", "expected"), MORE, ids=lambda each: str(sorted(each)))
def test_another_value_of_an_ablation_changes_its_losses_and_no_other(
    fields: dict[str, Any], expected: set[str], usual: dict[str, torch.Tensor]
) -> None:
    assert changed(numbers(**fields), usual) == expected


def changed(ablated: dict[str, torch.Tensor], usual: dict[str, torch.Tensor]) -> set[str]:
    """The losses of the usual ones that are not the same, bit for bit."""
    return {loss for loss in LOSSES if not torch.equal(ablated[f"loss/{loss}"], usual[f"loss/{loss}"])}


@pytest.mark.parametrize("name", [name for name, (_, losses) in EXPECTED.items() if losses != LOSSES])
def test_gradients_that_an_ablation_does_not_concern_stay(name: str, usual: dict[str, torch.Tensor]) -> None:
    value, losses = EXPECTED[name]
    ablated = numbers(**{name: value})
    groups = {"model": {"encoder_model"}, "reward": {"reward", "classifier"}, "critic": {"critic"}, "actor": {"actor"}}
    for group, parts in groups.items():
        same = torch.equal(ablated[f"gradient_norm/{group}"], usual[f"gradient_norm/{group}"])
        assert same == (not parts & losses), group


def test_the_parts_of_the_encoders_loss_add_up(usual: dict[str, torch.Tensor]) -> None:
    """Without a term, exactly that term is missing."""
    whole, horizon = usual["loss/encoder_model"], SMALL.horizon
    without_kl, without_value = numbers(kl_term=False), numbers(value_term=False)
    assert whole - without_kl["loss/encoder_model"] == pytest.approx(horizon * usual["alm/kl"].item(), rel=1e-5)
    assert without_value["loss/encoder_model"] - whole == pytest.approx(usual["alm/model_value"].item(), abs=1e-4)
    assert torch.equal(without_kl["alm/kl"], usual["alm/kl"])  # what is left out is still measured
    assert torch.equal(without_value["alm/model_value"], usual["alm/model_value"])


def test_no_classifier_term_is_coefficient_zero() -> None:
    without, zero = numbers(classifier_term=False), numbers(classifier_coefficient=0.0)
    assert torch.equal(without["loss/actor"], zero["loss/actor"])
    assert torch.equal(without["gradient_norm/actor"], zero["gradient_norm/actor"])


def test_the_linear_classifier_is_one_layer() -> None:
    agent = make_agent(make_settings(linear_classifier=True))
    shapes = [tuple(parameter.shape) for parameter in agent.classifier.parameters()]
    assert shapes == [(2, 2 * SMALL.latent + SMALL.action), (2,)]
