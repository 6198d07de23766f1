"""What runs, groups and tags can be called: one line of moderate length."""

from __future__ import annotations

import unicodedata

from storage.errors import StorageError

#: characters at most, by what is named
LONGEST = {"run": 200, "group": 200, "tag": 60}
#: marks that turn the direction of the text after the name as well
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """Without line breaks, control characters and blanks around; what joins the parts of an emoji stays."""
    kept = (" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text if each not in _TURNING)
    return " ".join("".join(kept).split())


def checked_name(text: str, what: str) -> str:
    """The name as it is stored; ``what`` is run, group or tag. Raises StorageError for an empty or too long one."""
    name = one_line(text)
    if not name:
        raise StorageError(f"A {what}'s name cannot be empty.", f"The {what} keeps its name.")
    if len(name) > LONGEST[what]:
        most = LONGEST[what]
        told = f"A {what}'s name has at most {most} characters; this one has {len(name):,}."
        raise StorageError(told, remedy="Shorten it.")
    return name
