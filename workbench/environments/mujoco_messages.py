"""MuJoCo's own warnings, sent to Python's log instead of the terminal and a MUJOCO_LOG.TXT in the current folder."""

from __future__ import annotations

import logging
import sys

# gymnasium's half_cheetah.xml uses this attribute; nothing that a user of the task could mend.
_HARMLESS = ("'settotalmass' is deprecated",)

_log = logging.getLogger("workbench.environments.mujoco")


def log_mujoco_warnings() -> None:
    """Send MuJoCo's warnings (an unstable simulation, for one) to the log, but for those known to be harmless.

    Does nothing while mujoco is not imported, or when something else listens already.
    """
    mujoco = sys.modules.get("mujoco")
    if mujoco is not None and mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_hear)


def _hear(message: str) -> None:
    # Called from C, on whichever thread steps the simulation: it must not raise.
    if not any(harmless in message for harmless in _HARMLESS):
        _log.warning("MuJoCo: %s", message)
