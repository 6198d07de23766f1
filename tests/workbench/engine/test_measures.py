"""Means of metrics and shares of time."""

from __future__ import annotations

import json
import time

import pytest
import torch
from torch import Tensor

from workbench.engine.measures import MetricMeans, TimeShares


def metrics(**values: float) -> dict[str, Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


def test_means_are_over_the_items_that_had_the_metric() -> None:
    means = MetricMeans()
    means.add(metrics(a=1.0, b=10.0))
    means.add(metrics(a=3.0, b=20.0))
    means.add(metrics(a=8.0))  # a metric that comes with others, or alone
    means.add(metrics(c=5.0, a=4.0))
    means.add({})
    assert len(means) == 4
    assert means.take() == {"a": 4.0, "b": 15.0, "c": 5.0}
    assert (len(means), means.take()) == (0, {})


def test_sums_are_kept_in_double_precision() -> None:
    means = MetricMeans()
    for _ in range(1000):
        means.add(metrics(a=16_777_216.0))
        means.add(metrics(a=1.0))
    assert means.take()["a"] == 8_388_608.5


def test_means_go_on_where_they_were_left() -> None:
    undisturbed, left = MetricMeans(), MetricMeans()
    values = torch.randn(10, generator=torch.Generator().manual_seed(1)).tolist()
    for number, value in enumerate(values):
        for each in (undisturbed, left):
            each.add(metrics(a=value) if number % 3 else metrics(a=value, b=2 * value))
        if number == 6:
            tensors, document = left.state()
            copies = {name: tensor.clone() for name, tensor in tensors.items()}
            left = MetricMeans()
            left.load(copies, json.loads(json.dumps(document)), torch.device("cpu"))
    assert left.take() == undisturbed.take()


def test_shares_are_of_the_time_spent_inside() -> None:
    shares = TimeShares()
    for name, seconds in (("acting", 0.01), ("update", 0.03)):
        with shares.measure(name):
            time.sleep(seconds)
    time.sleep(0.05)  # a pause counts for nothing
    kept = json.loads(json.dumps(shares.state()))
    found, total = shares.take()
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["acting"] < found["update"]
    assert 0.04 <= total < 0.09
    with shares.measure("update"):
        pass
    assert shares.take()[0] == {"acting": 0.0, "update": 1.0}
    again = TimeShares()
    again.load(kept)
    assert again.take() == (found, total)
    assert TimeShares().take()[0] == {}
