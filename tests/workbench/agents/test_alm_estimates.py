"""What ALM promises of a state and an action, against the numpy reference of its networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents.alm_agent import SMALL, FixedNoise, make_agent, make_settings, networks_of
from workbench.agents.alm import AlignedLatentModel

STATES = 5
RNG = np.random.default_rng(2)
OBSERVATIONS = RNG.standard_normal((STATES, SMALL.observation))
ACTIONS = RNG.standard_normal((STATES, SMALL.action))
LATENT = RNG.standard_normal((STATES, SMALL.latent))
MODEL = [RNG.standard_normal((STATES, SMALL.latent)) for _ in range(3)]


def agent_with(**changes: Any) -> AlignedLatentModel:
    """An agent whose target networks differ from the online ones."""
    agent = make_agent(make_settings(**changes), seed=4)
    with torch.no_grad():
        for parameter in (*agent.encoder.parameters(), *agent.critic.parameters()):
            parameter.add_(0.1 * torch.ones_like(parameter))
    return agent


def estimates(agent: AlignedLatentModel, steps: int) -> np.ndarray:
    noise = FixedNoise({"estimate_latent": LATENT} | {f"estimate_model_{t}": MODEL[t] for t in range(steps)})
    unrolled = agent.estimator().unroll(torch.tensor(OBSERVATIONS), torch.tensor(ACTIONS), steps, noise)
    noise.finish()
    return unrolled.estimates(agent.settings.discount).numpy()


def expected(agent: AlignedLatentModel, steps: int, coefficient: float) -> np.ndarray:
    """L^steps in numpy: target encoder's sample, the given action first, then the policy's mean; online critics."""
    n, g = networks_of(agent), agent.settings.discount
    z, a = alm.encode(n.target_encoder, OBSERVATIONS).sample(LATENT), ACTIONS
    total = np.zeros(STATES)
    for t in range(steps):
        following = alm.predict(n.model, z, a).sample(MODEL[t])
        odds = alm.classifier_log_odds(n.classifier, z, a, following)
        total += g**t * (alm.predict_reward(n.reward, z, a) + coefficient * odds)
        z, a = following, alm.actor_mean(n.actor, following)
    return total + g**steps * alm.smallest_value(n.critics, z, a)


@pytest.mark.parametrize("actor_loss", ["model", "td3"])
def test_the_estimate_of_every_length_is_the_references(actor_loss: str) -> None:
    agent = agent_with(actor_loss=actor_loss)
    found = estimates(agent, 3)
    assert found.shape == (4, STATES)
    for steps in range(4):
        np.testing.assert_allclose(found[steps], expected(agent, steps, 0.1), rtol=1e-9)


def test_no_steps_give_the_smallest_q_exactly_and_three_differ() -> None:
    agent = agent_with()
    with torch.no_grad():
        z = agent.encode_target(torch.tensor(OBSERVATIONS)).sample(torch.tensor(LATENT))
        q = agent.value(agent.critic, z, torch.tensor(ACTIONS)).numpy()
    assert estimates(agent, 0).tolist() == [q.tolist()]
    longer = estimates(agent, 3)
    assert longer[0].tolist() == q.tolist()
    assert (np.abs(longer[3] - q) > 1e-3).all()


def test_without_the_classifiers_term_there_is_none() -> None:
    agent = agent_with(classifier_term=False)
    np.testing.assert_allclose(estimates(agent, 2)[2], expected(agent, 2, 0.0), rtol=1e-9)


def test_the_value_of_a_state_is_that_of_the_policys_action() -> None:
    agent = agent_with()
    n = networks_of(agent)
    z = alm.encode(n.target_encoder, OBSERVATIONS).sample(LATENT)
    found = agent.estimator().value(torch.tensor(OBSERVATIONS), FixedNoise({"estimate_latent": LATENT}))
    np.testing.assert_allclose(found.numpy(), alm.smallest_value(n.critics, z, alm.actor_mean(n.actor, z)), rtol=1e-9)
    assert (agent.estimator().rollout_length, agent.estimator().discount) == (3, agent.settings.discount)
