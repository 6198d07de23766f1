"""``python -m ui [--project DIR]``: the desktop application, which ``foresight gui`` also starts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the window; returns 0 when it was closed in order, 1 when no project could be opened, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="foresight gui", description="The desktop application of Foresight.")
    parser.add_argument("--project", type=Path, metavar="DIR", help="default: the user's data folder")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    from ui.app import run

    return run(given.project)


if __name__ == "__main__":
    sys.exit(main())
