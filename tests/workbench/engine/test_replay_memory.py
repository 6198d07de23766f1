"""A replay lies where it fits, and one that no memory here holds is refused in a sentence."""

from __future__ import annotations

import psutil
import pytest
import torch

from workbench.engine.devices import replay_device
from workbench.settings import SettingsError

CPU = torch.device("cpu")


def test_a_replay_beyond_this_machine_is_refused_by_its_field() -> None:
    total = psutil.virtual_memory().total
    assert replay_device(CPU, "auto", total // 2) == CPU
    with pytest.raises(SettingsError, match=r"replay_capacity: it takes [\d,.]+ GB, and this machine has") as caught:
        replay_device(CPU, "auto", 2 * total)
    assert [problem.field for problem in caught.value.problems] == ["replay_capacity"]
