"""What ran a run: versions of the libraries, the machine, the device."""

from __future__ import annotations

import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = {name: name for name in ("torch", "mujoco", "gymnasium", "numpy")} | {"foresight": "foresight-lab"}


def versions() -> dict[str, str]:
    """Name -> version of what decides a run's numbers."""
    found = {"python": platform.python_version()}
    for name, distribution in PACKAGES.items():
        try:
            found[name] = version(distribution)
        except PackageNotFoundError:
            found[name] = "unreleased"
    return found


def machine() -> dict[str, Any]:
    """Host name, system and processor."""
    return {"name": socket.gethostname(), "system": platform.platform(), "processor": processor()}


def processor() -> str:
    """The processor's marketing name where the system tells it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
