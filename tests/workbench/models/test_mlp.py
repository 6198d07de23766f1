"""Perceptrons against torch's own layers, and ensembles against their members alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.models.mlp import MLP, orthogonal
from workbench.noise import NoiseSource

SIZES = [5, 8, 7, 3]


def disturbed(*, members: int = 0, **options: object) -> MLP:
    """A network none of whose weights is special."""
    network = MLP(SIZES, NoiseSource(0, "test"), members=members, **options)  # type: ignore[arg-type]
    noise = NoiseSource(1, "test")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * noise.normal(parameter.shape)
    return network


def in_torch(network: MLP, activation: nn.Module) -> nn.Sequential:
    """The same network from torch's layers."""
    layers: list[nn.Module] = []
    for number, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data, linear.bias.data = weight.data, bias.data
        layers.append(linear)
        if number == 0 and network.norm_gain is not None and network.norm_shift is not None:
            norm = nn.LayerNorm(weight.shape[0])
            norm.weight.data, norm.bias.data = network.norm_gain.data, network.norm_shift.data
            layers += [norm, nn.Tanh()]
        elif number < len(network.weights) - 1:
            layers.append(activation)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("normalise_first", [False, True])
@pytest.mark.parametrize(("activation", "layer"), [("elu", nn.ELU()), ("relu", nn.ReLU())])
def test_a_network_is_torchs_layers(activation: str, layer: nn.Module, normalise_first: bool) -> None:
    network = disturbed(activation=activation, normalise_first=normalise_first)
    x = NoiseSource(2, "test").normal((6, 5))
    other = in_torch(network, layer)
    assert torch.allclose(network(x), other(x), rtol=1e-6, atol=1e-6)
    gradients = torch.autograd.grad(network(x).square().sum(), list(network.weights))
    expected = torch.autograd.grad(
        other(x).square().sum(), [each.weight for each in other if isinstance(each, nn.Linear)]
    )
    for mine, theirs in zip(gradients, expected, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def member(ensemble: MLP, number: int, **options: object) -> MLP:
    """One member as a network of its own."""
    alone = MLP(SIZES, NoiseSource(0, "test"), **options)  # type: ignore[arg-type]
    alone.load_state_dict({name: value[number] for name, value in ensemble.state_dict().items()})
    return alone


@pytest.mark.parametrize("normalise_first", [False, True])
@pytest.mark.parametrize("members", [1, 2, 5])
def test_an_ensemble_is_its_members(members: int, normalise_first: bool) -> None:
    ensemble = disturbed(members=members, normalise_first=normalise_first)
    x = NoiseSource(2, "test").normal((6, 5))
    together = ensemble(x)
    assert together.shape == (members, 6, 3)
    weights = torch.autograd.grad(together.square().sum(), ensemble.weights[0])[0]
    for number in range(members):
        alone = member(ensemble, number, normalise_first=normalise_first)
        assert torch.allclose(together[number], alone(x), rtol=1e-5, atol=1e-6)
        expected = torch.autograd.grad(alone(x).square().sum(), alone.weights[0])[0]
        assert torch.allclose(weights[number], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("members", [0, 2])
@pytest.mark.parametrize("leading", [(), (4,), (2, 3), (1, 2, 3)])
def test_leading_dimensions_are_kept(leading: tuple[int, ...], members: int) -> None:
    network = disturbed(members=members, normalise_first=True)
    x = NoiseSource(2, "test").normal((*leading, 5))
    found = network(x)
    assert found.shape == ((members, *leading, 3) if members else (*leading, 3))
    rows = network(x.reshape(-1, 5))
    assert torch.allclose(found.reshape(rows.shape), rows, rtol=1e-5, atol=1e-6)


def test_the_input_is_left_as_it_is() -> None:
    """Activations work in place, on what the network itself computed."""
    x = NoiseSource(2, "test").normal((6, 5))
    kept = x.clone()
    disturbed()(x)
    assert torch.equal(x, kept)
    assert torch.equal(MLP([5, 3], NoiseSource(0, "test"))(x), MLP([5, 3], NoiseSource(0, "test"))(kept))


@pytest.mark.parametrize(("rows", "columns"), [(8, 5), (5, 8), (6, 6)])
def test_initial_weights_are_orthogonal(rows: int, columns: int) -> None:
    matrix = orthogonal(rows, columns, NoiseSource(0, "test"), "weight")
    assert matrix.shape == (rows, columns)
    product = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    assert torch.allclose(product, torch.eye(min(rows, columns)), atol=1e-5)


def test_orthogonal_matrices_have_no_preferred_sign() -> None:
    """QR alone would fix the signs of R's diagonal, and with them those of Q."""
    noise = NoiseSource(0, "test")
    corners = torch.stack([orthogonal(3, 3, noise, "")[0, 0] for _ in range(400)])
    assert abs(float(corners.mean())) < 0.1


def test_members_and_seeds_begin_differently() -> None:
    ensemble = MLP(SIZES, NoiseSource(0, "test"), members=2)
    assert not torch.equal(ensemble.weights[0][0], ensemble.weights[0][1])
    assert not any(bias.any() for bias in ensemble.biases)
    again, other = MLP(SIZES, NoiseSource(0, "test"), members=2), MLP(SIZES, NoiseSource(1, "test"), members=2)
    assert torch.equal(ensemble.weights[0], again.weights[0])
    assert not torch.equal(ensemble.weights[0], other.weights[0])
