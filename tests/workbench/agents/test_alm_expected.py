"""The numpy reference for ALM against numbers worked out by hand, before anything is compared with it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents import alm_expected_update as reference

HEAD_STD = 0.7443743  # the std of a raw output of 0
EXACT = {"rel": 1e-12, "abs": 1e-12}


def linear(weight, bias):
    """A network of one linear layer."""
    return alm.Network([(np.array(weight, float), np.array(bias, float))])


@pytest.fixture
def networks():
    """O = A = L = 1, every network one linear layer. e: mean 30 tanh(s/30); m: mean 2 whatever happens;
    r = z + 2a; log-odds = z' - a; Q = z + a and z + a + 1, targets 10 higher; pi = tanh(z)."""
    q = [linear([[1, 1]], [0]), linear([[1, 1]], [1])]
    return alm.Networks(
        encoder=linear([[1], [0]], [0, 0]),
        target_encoder=linear([[0], [0]], [0, 0]),
        model=linear([[0, 0], [0, 0]], [30 * math.atanh(2 / 30), 0]),
        reward=linear([[1, 2]], [0]),
        classifier=linear([[0, 0, 0], [0, -1, 1]], [0, 0]),
        critics=(q[0], q[1]),
        target_critics=(linear([[1, 1]], [10]), linear([[1, 1]], [11])),
        actor=linear([[1]], [0]),
    )


def column(*values):
    return np.array(values, float)[:, None]


def test_elu_layer_by_hand():
    network = alm.Network([(np.array([[1.0], [1.0]]), np.array([0.0, 3.0])), (np.array([[2.0, 1.0]]), np.array([1.0]))])
    x = -math.log(2)  # elu(x) = -1/2, elu(x + 3) = x + 3
    assert alm.forward(network, np.array([[x]]))[0, 0] == pytest.approx(2 * -0.5 + (x + 3) + 1, **EXACT)


def test_relu_layer_by_hand():
    network = alm.Network(
        [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.array([[1.0, 5.0]]), np.zeros(1))], None, "relu"
    )
    assert alm.forward(network, np.array([[2.0]]))[0, 0] == 2.0


def test_layer_norm_is_followed_by_tanh_and_only_on_the_first_layer():
    first = (np.array([[1.0], [3.0]]), np.zeros(2))  # 1 and 3: centred -1 and 1, variance 1
    second = (np.array([[0.0, 1.0]]), np.array([5.0]))
    network = alm.Network(
        [first, second, (np.array([[1.0]]), np.zeros(1))], (np.array([1.0, 2.0]), np.array([0.0, 0.5]))
    )
    expected = math.tanh(2 / math.sqrt(1 + 1e-5) + 0.5) + 5
    assert alm.forward(network, np.array([[1.0]]))[0, 0] == pytest.approx(expected, **EXACT)


def test_gaussian_head_at_zero_and_at_its_limits():
    head = alm.gaussian_head(np.array([[0.0, 1e4, -1e4, 0.0, 1e4, -1e4]]))
    assert head.mean[0] == pytest.approx([0.0, 30.0, -30.0])
    assert head.std[0] == pytest.approx([HEAD_STD, 10.0, 0.1], abs=1e-4)
    assert head.std[0, 0] == pytest.approx(0.7444, abs=5e-5)
    assert 0.1 <= head.std[0, 2] < 0.1001


def test_kl_by_hand():
    def gaussian(mean, std):
        return alm.Gaussian(np.array([mean, 0.0]), np.array([std, 3.0]))

    assert alm.kl_diagonal_gaussians(gaussian(1, 2), gaussian(1, 2)) == 0
    assert alm.kl_diagonal_gaussians(gaussian(1, 1), gaussian(0, 1)) == pytest.approx(0.5)
    assert alm.kl_diagonal_gaussians(gaussian(0, 2), gaussian(0, 1)) == pytest.approx(-math.log(2) + 2 - 0.5)
    assert alm.kl_diagonal_gaussians(gaussian(0, 1), gaussian(0, 2)) == pytest.approx(math.log(2) + 1 / 8 - 0.5)


def test_kl_against_monte_carlo():
    first = alm.Gaussian(np.array([0.3, -1.0]), np.array([0.5, 1.2]))
    second = alm.Gaussian(np.array([-0.2, 0.1]), np.array([0.9, 0.8]))
    samples = first.sample(np.random.default_rng(0).standard_normal((200_000, 2)))

    def log_density(gaussian):
        return (-0.5 * ((samples - gaussian.mean) / gaussian.std) ** 2 - np.log(gaussian.std)).sum(-1)

    estimate = (log_density(first) - log_density(second)).mean()
    assert alm.kl_diagonal_gaussians(first, second) == pytest.approx(estimate, abs=0.02)


def test_clamped_action_bounds_the_noise_and_then_the_action():
    wide = alm.Exploration(std=1.0, clip=0.3, low=-2.0, high=2.0)
    mean = np.array([0.9, 0.9, 0.9])
    noise = np.array([0.1, 5.0, -5.0])
    assert alm.clamped_action(mean, noise, wide) == pytest.approx([1.0, 1.2, 0.6])
    assert alm.clamped_action(mean, noise, replace(wide, clip=None)) == pytest.approx([1.0, 1.999999, -1.999999])
    narrow = replace(wide, low=-0.4, high=np.array([0.4, 0.4, 3.0]))
    assert alm.clamped_action(mean, noise, narrow) == pytest.approx([0.399999, 0.399999, 0.6], abs=1e-12)


def test_encoder_model_loss_by_hand(networks):
    exploration = alm.Exploration(std=0.5, clip=0.3, low=-1.0, high=1.0)
    s, n0, n1, n2 = 0.6, 0.2, -0.4, 1.0
    sigma = float(alm.gaussian_head(np.zeros((1, 2))).std[0, 0])
    arguments = {
        "first_observation": column(s),
        "actions": np.array([[[0.1]], [[-0.2]]]),
        "next_observations": np.array([[[7.0]], [[30 * math.atanh(1 / 30)]]]),
        "encoder_noise": column(n0),
        "model_noise": np.array([[[n1]], [[n2]]]),
        "action_noise": column(-0.1),
        "exploration": exploration,
    }
    z0, z1, z2 = 30 * math.tanh(s / 30) + sigma * n0, 2 + sigma * n1, 2 + sigma * n2
    kl = 2**2 / (2 * sigma**2)  # to the target encoder, which always says 0
    rewards = z0 + 2 * 0.1, z1 + 2 * -0.2
    value = z2 + math.tanh(z2) - 0.5 * 0.1  # the smaller critic; the action is inside its range
    authors = alm.encoder_model_loss(networks, **arguments)
    assert authors.total == pytest.approx(2 * kl - sum(rewards) - value, **EXACT)
    paper = alm.encoder_model_loss(networks, discount=0.5, **arguments)
    assert paper.kl == pytest.approx(1.5 * kl, **EXACT)
    assert paper.reward == pytest.approx(rewards[0] + 0.5 * rewards[1], **EXACT)
    assert paper.value == pytest.approx(0.25 * value, **EXACT)
    bare = alm.encoder_model_loss(networks, kl_term=False, value_term=False, **arguments)
    assert bare.total == pytest.approx(-sum(rewards), **EXACT)
    online = alm.encoder_model_loss(networks, target_encoder=False, **arguments)
    distances = 2 - 30 * math.tanh(7 / 30), 2 - 1  # the online encoder says 30 tanh(s/30)
    assert online.kl == pytest.approx(sum(d**2 for d in distances) / (2 * sigma**2), **EXACT)


def test_classifier_losses_by_hand(networks):
    latent, action = column(9, 9), column(0.5, -0.5)
    real, fake = column(math.log(3) + 0.5, 100.0), column(-100.0, -math.log(4) - 0.5)
    half = alm.classifier_loss_half(networks.classifier, latent, action, real, fake, np.array([1]))
    assert half == pytest.approx(-(math.log(3 / 4) + math.log(4 / 5)) / 2, **EXACT)  # C = 3/4 real, 1/5 fake
    assert real[1, 0] == 100.0
    both = alm.classifier_loss_both(networks.classifier, latent, action, real, fake)
    assert both == pytest.approx(-(math.log(3 / 4) + math.log(4 / 5)) / 4, abs=1e-12)  # the other two rows are certain
    ignorant = linear([[0] * 3] * 2, [0, 0])
    assert alm.classifier_loss_both(ignorant, latent, action, real, fake) == pytest.approx(math.log(2))
    assert alm.classifier_loss_half(ignorant, latent, action, real, fake, np.array([0])) == pytest.approx(math.log(2))


def test_reward_and_critic_losses_by_hand(networks):
    latent, action = column(1.0, 2.0), column(0.5, 0.0)
    assert alm.reward_loss(networks.reward, latent, action, np.array([1.0, 2.0])) == pytest.approx((1 + 0) / 2)
    quiet = alm.Exploration(std=0.0, clip=0.3, low=-1.0, high=1.0)
    targets = alm.critic_targets(
        networks, np.array([1.0, 2.0]), np.array([0.0, 1.0]), column(0.5, 0.5), column(3.0, 3.0), quiet, 0.9
    )
    assert targets == pytest.approx([1 + 0.9 * (0.5 + math.tanh(0.5) + 10), 2.0])  # the smaller target critic
    given = np.array([2.0, 4.0])  # first critic 1.5 and 2, second 2.5 and 3
    assert alm.critic_loss(networks.critics[:1], latent, action, given) == pytest.approx((0.25 + 4) / 2)
    assert alm.critic_loss(networks.critics, latent, action, given) == pytest.approx((4.25 / 2 + 1.25 / 2) / 2)


def test_weights_of_the_lambda_return():
    values = np.eye(4)  # one column per Q
    weights = alm.lambda_returns(np.zeros((3, 4)), values, 0.99, 0.95)
    assert weights[0] == pytest.approx([0.0, 0.0495, 0.0466, 0.8757], abs=5e-5)
    assert weights[2] == pytest.approx([0.0, 0.0, 0.0, 0.99])
    assert not weights[:, 0].any()


def test_lambda_return_at_its_limits_and_against_the_recursion():
    generator = np.random.default_rng(1)
    rewards, values = generator.standard_normal((4, 5)), generator.standard_normal((5, 5))
    powers = 0.9 ** np.arange(5)[:, None]
    full = (powers[:4] * rewards).sum(0) + powers[4] * values[4]
    assert alm.lambda_returns(rewards, values, 0.9, 1.0)[0] == pytest.approx(full)
    assert alm.lambda_returns(rewards, values, 0.9, 0.0) == pytest.approx(rewards + 0.9 * values[1:])
    following, expected = values[4], []
    for step in reversed(range(4)):
        following = rewards[step] + 0.9 * (0.3 * values[step + 1] + 0.7 * following)
        expected.insert(0, following)
    assert alm.lambda_returns(rewards, values, 0.9, 0.7) == pytest.approx(np.stack(expected))


def actor_arguments():
    return {
        "action_noise": np.array([[[0.2]], [[0.4]], [[9.0]]]),
        "model_noise": np.array([[[0.5]], [[-1.0]]]),
        "exploration": alm.Exploration(std=0.5, clip=0.3, low=-5.0, high=5.0),
        "discount": 0.9,
    }


def test_actor_loss_by_hand(networks):
    sigma = float(alm.gaussian_head(np.zeros((1, 2))).std[0, 0])
    z = 0.7, 2 + 0.5 * sigma, 2 - sigma
    a = math.tanh(z[0]) + 0.1, math.tanh(z[1]) + 0.2, math.tanh(z[2]) + 0.3
    r = [z[t] + 2 * a[t] + 0.1 * (z[t + 1] - a[t]) for t in range(2)]
    q1, q2 = z[1] + a[1], z[2] + a[2]
    last = r[1] + 0.9 * q2
    first = r[0] + 0.9 * (0.05 * q1 + 0.95 * last)
    arguments = actor_arguments()
    everything = alm.actor_loss(networks, column(0.7), **arguments)
    assert everything.total == pytest.approx(-(first + 0.9 * last) / 2, **EXACT)
    assert alm.actor_loss(networks, column(0.7), average="first", **arguments).total == pytest.approx(-first, **EXACT)
    plain = alm.actor_loss(networks, column(0.7), average="first", decay=1.0, **arguments).total
    assert plain == pytest.approx(-(r[0] + 0.9 * r[1] + 0.81 * q2), **EXACT)
    without = alm.actor_loss(networks, column(0.7), average="first", decay=1.0, coefficient=0.0, **arguments).total
    odds = 0.1 * (z[1] - a[0]) + 0.09 * (z[2] - a[1])
    assert without - plain == pytest.approx(odds, **EXACT)


def test_td3_actor_loss_by_hand(networks):
    exploration = alm.Exploration(std=0.5, clip=0.3, low=-1.0, high=1.0)
    loss = alm.td3_actor_loss(networks, column(0.5, 4.0), column(0.0, 1.0), exploration)
    assert loss == pytest.approx(-(0.5 + math.tanh(0.5) + 4 + 1 - 1e-6) / 2, **EXACT)


def test_held_values_cut_exactly_their_path(networks):
    """With rewards and model blind to the action, the actor matters only through the action that Q sees."""
    blind = replace(networks, reward=linear([[0, 0]], [0]), classifier=linear([[0] * 3] * 2, [0, 0]))
    weight = blind.actor.linears[0][0]
    arguments = actor_arguments() | {"average": "first", "decay": 1.0}
    start = alm.actor_loss(blind, column(0.7), **arguments)

    def slope(held):
        return reference.numeric_gradient(
            lambda: alm.actor_loss(blind, column(0.7), held=held, **arguments).total, [weight]
        )[0][0, 0]

    assert slope(start.held()) == 0
    z2 = start.latents[2, 0, 0]  # d tanh(w z)/dw = z (1 - tanh^2)
    assert slope(start.held(q_action_gradient=True)) == pytest.approx(-0.81 * z2 * (1 - math.tanh(z2) ** 2), rel=1e-6)


def test_gradient_through_the_classifiers_next_latent(networks):
    """Only the classifier's z' is left: log-odds z', and a model whose mean follows the action."""
    follow = replace(
        networks,
        model=linear([[0, 1], [0, 0]], [0, 0]),
        reward=linear([[0, 0]], [0]),
        classifier=linear([[0, 0, 0], [0, 0, 1]], [0, 0]),
        critics=(linear([[0, 0]], [0]),),
    )
    arguments = actor_arguments() | {"average": "first", "decay": 0.0}
    start = alm.actor_loss(follow, column(0.7), **arguments)

    def slope(held):
        return reference.numeric_gradient(
            lambda: alm.actor_loss(follow, column(0.7), held=held, **arguments).total, [follow.actor.linears[0][0]]
        )[0][0, 0]

    assert slope(start.held()) == 0
    action_slope = 0.7 * (1 - math.tanh(0.7) ** 2)
    model_slope = 1 - math.tanh((math.tanh(0.7) + 0.1) / 30) ** 2
    expected = -0.1 * model_slope * action_slope
    assert slope(start.held(classifier_next_gradient=True)) == pytest.approx(expected, rel=1e-6)


def test_gradient_through_the_actors_input(networks):
    """Rewards 2a only, the model's mean follows the action: the second action depends on the first through z_1."""
    follow = replace(networks, model=linear([[0, 1], [0, 0]], [0, 0]), reward=linear([[0, 2]], [0]))
    follow = replace(follow, critics=(linear([[0, 0]], [0]),))
    arguments = actor_arguments() | {"average": "first", "decay": 1.0, "coefficient": 0.0}
    start = alm.actor_loss(follow, column(0.7), **arguments)

    def slope(held):
        return reference.numeric_gradient(
            lambda: alm.actor_loss(follow, column(0.7), held=held, **arguments).total, [follow.actor.linears[0][0]]
        )[0][0, 0]

    z1 = start.latents[1, 0, 0]
    first_slope, steepness = 0.7 * (1 - math.tanh(0.7) ** 2), 1 - math.tanh(z1) ** 2
    model_slope = 1 - math.tanh((math.tanh(0.7) + 0.1) / 30) ** 2
    cut = -2 * first_slope - 0.9 * 2 * steepness * z1
    assert slope(start.held()) == pytest.approx(cut, rel=1e-6)
    through = -0.9 * 2 * steepness * model_slope * first_slope
    assert slope(start.held(actor_input_gradient=True)) == pytest.approx(cut + through, rel=1e-6)


def test_clamp_passes_its_gradient_straight_through(networks):
    arguments = actor_arguments() | {"exploration": alm.Exploration(std=0.5, clip=0.3, low=-0.1, high=0.1)}
    start = alm.actor_loss(networks, column(0.7), **arguments)
    assert start.actions[0, 0, 0] == pytest.approx(0.1 - 1e-6)
    slope = reference.numeric_gradient(
        lambda: alm.actor_loss(networks, column(0.7), average="first", decay=0.0, held=start.held(), **arguments).total,
        [networks.actor.linears[0][0]],
    )[0][0, 0]
    assert slope == pytest.approx(-(2 - 0.1) * 0.7 * (1 - math.tanh(0.7) ** 2), rel=1e-6)


def test_schedule_and_soft_update():
    assert [reference.linear_schedule(1.0, 0.1, 100, step) for step in (0, 50, 100, 500)] == [1.0, 0.55, 0.1, 0.1]
    target, source = linear([[1.0]], [2.0]), linear([[3.0]], [6.0])
    moved = reference.soft_update(target, source, 0.25)
    assert moved.linears[0][0][0, 0] == 1.5
    assert moved.linears[0][1][0] == 3.0
    assert target.linears[0][0][0, 0] == 1.0


def test_norm_clip_and_adam_by_hand():
    clipped, norm = reference.clip_by_global_norm([np.array([3.0]), np.array([[4.0]])], 1.0)
    assert norm == 5.0
    assert [float(gradient.sum()) for gradient in clipped] == pytest.approx([0.6, 0.8], abs=1e-6)
    assert reference.clip_by_global_norm([np.array([3.0])], 10.0)[0][0] == 3.0
    weight, adam = np.array([1.0]), reference.Adam(learning_rate=0.1)
    adam.step([weight], [np.array([4.0])])
    assert weight[0] == pytest.approx(0.9, abs=1e-8)  # the first step has length learning rate
    adam.step([weight], [np.array([-4.0])])  # m = 0.36 - 0.4, root of v still 4
    assert weight[0] == pytest.approx(0.9 + 0.1 * (0.04 / 0.19) / 4, abs=1e-8)


def test_numeric_gradient_of_a_quadratic():
    weight = np.array([[1.0, -2.0]])
    gradient = reference.numeric_gradient(lambda: float((weight**2).sum()), [weight])[0]
    assert gradient[0] == pytest.approx([2.0, -4.0], rel=1e-8)
    assert weight.tolist() == [[1.0, -2.0]]


def test_admissible_starts_by_hand():
    step, end, cut = reference.Transition(), reference.Transition(terminal=True), reference.Transition(reset=True)
    filling = [step, step, end, step, step, cut, step, None]
    assert reference.admissible_starts(filling, 7, 3) == {0, 3}  # each ends with the last step of its episode
    assert reference.admissible_starts(filling, 7, 3, across_resets=True) == {0, 3, 4}
    assert reference.admissible_starts(filling, 7, 1) == set(range(7))
    full = [step] * 6  # slot 2 is the oldest: no window may run from slot 1 into it
    assert reference.admissible_starts(full, 2, 3) == {2, 3, 4, 5}
    assert reference.admissible_starts([end, *full[1:]], 2, 3) == {2, 3, 4}
