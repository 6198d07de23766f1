"""What every test stands on: no screen unless asked for, one thread, folders of its own, repeatable draws."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest

# Read when Qt and torch are first imported, hence set before any test module is.
if "FORESIGHT_SCREEN" not in os.environ:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["OMP_NUM_THREADS"] = "1"

hypothesis.settings.register_profile("foresight", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("foresight")


@pytest.fixture(autouse=True)
def loggers_enabled() -> None:
    """A tool that configures logging (import-linter does) disables the loggers that are there; each test has them."""
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Data, settings, state and caches of the user who runs the tests stay untouched, in subprocesses too."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for kind in ("DATA", "CONFIG", "STATE", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        yield
