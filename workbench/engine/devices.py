"""Which device a run gets, and how many runs each takes at once."""

from __future__ import annotations

import os

import psutil
import torch

from workbench.settings import Problem, SettingsError

#: runs at once on one GPU
RUNS_PER_GPU = 2


def resolve_device(name: str) -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` stands for on this machine.

    Raises:
        SettingsError: that device does not exist here.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            there = f"cuda:0 to cuda:{count - 1}" if count else "no CUDA device at all; use cpu or auto"
            raise SettingsError([Problem("device", f"{name} is not there; this machine has {there}")])
        return torch.device("cuda", device.index or 0)
    return device


def takes_up(choice: str, device: torch.device) -> bool:
    """Whether a setting of ``auto``, ``on`` or ``off`` is on for ``device``: ``auto`` is on for CUDA."""
    return choice == "on" or (choice == "auto" and device.type == "cuda")


def default_limit(device: torch.device) -> int:
    """Runs at once on ``device``: one core stays free for the window, a GPU is shared by two."""
    return RUNS_PER_GPU if device.type == "cuda" else max(1, (os.cpu_count() or 2) - 1)


def replay_device(device: torch.device, choice: str, needed: int) -> torch.device:
    """Where a replay of ``needed`` bytes lies for an agent on ``device``; ``choice`` is ``auto`` or ``cpu``.

    With the agent, unless it would take more than a quarter of a GPU's memory. Raises SettingsError where it would
    take more than the whole memory of this machine.
    """
    total = psutil.virtual_memory().total
    if needed > total:
        sizes = f"it takes {needed / 1e9:,.1f} GB, and this machine has {total / 1e9:,.1f} GB of memory; lower it"
        raise SettingsError([Problem("replay_capacity", sizes)])
    if device.type != "cuda" or choice == "cpu":
        return torch.device("cpu")
    memory = torch.cuda.get_device_properties(device).total_memory
    return device if needed <= memory / 4 else torch.device("cpu")
