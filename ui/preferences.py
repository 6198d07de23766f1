"""What the window remembers between starts: one JSON file, written the moment something changes."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import platformdirs

_logger = logging.getLogger(__name__)


def default_path() -> Path:
    """The user's own file."""
    return platformdirs.user_config_path("foresight", appauthor=False) / "window.json"


def _table(value: Any) -> dict[str, Any]:
    """What was read, where it is what this wrote. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} in the place of names and values")
    return value


class Preferences:
    """Names -> JSON values. A damaged file is put aside and the defaults are used."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._values: dict[str, Any] = {}
        try:
            self._values = _table(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError):
            _logger.warning("the window's preferences in %s could not be read; defaults are used", self.path)
            self.path = self.path.with_suffix(".new.json") if self.path.exists() else self.path

    def get(self, name: str, default: Any = None) -> Any:
        """The value called so, or ``default``."""
        return self._values.get(name, default)

    def set(self, name: str, value: Any) -> None:
        """Remember ``value`` (JSON); on disk before this returns."""
        if self._values.get(name) == value and name in self._values:
            return
        self._values[name] = value
        self._write()

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".window-")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(self._values, stream)
            Path(temporary).replace(self.path)
        except OSError as error:
            _logger.warning("the window's preferences could not be saved: %s", error)
