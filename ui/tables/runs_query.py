"""What is typed into the filter of the run table: words to look for, or an expression."""

from __future__ import annotations

import re

_COMPARISON = re.compile(r"[=<>~]")
_QUOTED = re.compile(r"""\s*(["'])(.*)\1\s*\Z""", re.DOTALL)


def split_filter(typed: str) -> tuple[str, str]:
    """(words, expression) of what was typed, one of which is empty.

    Whatever compares is an expression; in quotes as a whole it is looked for as text, so that "K = 3" can be found.
    """
    quoted = _QUOTED.match(typed)
    if quoted is not None and quoted[1] not in quoted[2]:
        return quoted[2].strip(), ""
    return ("", typed.strip()) if _COMPARISON.search(typed) else (typed.strip(), "")
