"""The desktop application is handed this process over by its module's name; nothing here imports it."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from collections.abc import Sequence

from workbench.commands.output import complain


def hand_over(module: str, command: str, words: Sequence[str]) -> int:
    """Run ``module`` (``ui`` or one inside) as the main one with ``words`` as its arguments; 1 where there is none.

    ``command`` is what its help calls it. Raises SystemExit with the module's exit code.
    """
    inside = "ui.__main__" if module == "ui" else module
    if importlib.util.find_spec("ui") is None or importlib.util.find_spec(inside) is None:
        complain("This installation has no window; everything else works: `foresight train --preset alm-quick`.")
        return 1
    sys.argv = [command, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0
