"""What an agent optimises, as terms that settings put in or leave out: data for forms that show it, without a screen.

A term's text is written in a small notation: letters stand for themselves in italics, ``_x`` and ``_{...}`` lower,
``^x`` and ``^{...}`` raise, and ``"log"`` in quotes is upright, as are digits and signs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["line", "below", "above"]
_MARKS: dict[str, Level] = {"_": "below", "^": "above"}
#: signs that are written with letters' code points but stand upright
_UPRIGHT = "∑∥"


@dataclass(frozen=True)
class Glyphs:
    """Characters in one style."""

    text: str
    italic: bool
    level: Level


@dataclass(frozen=True)
class Term:
    """Part of an equation; it is there where every field of ``when`` has one of its values and none of ``unless`` has.

    ``text`` is in the notation above; blanks stand between terms only where it says so.
    """

    text: str
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the term is there for flat settings ``values``."""
        there = all(values.get(path) in admitted for path, admitted in self.when.items())
        return there and not any(values.get(path) in barred for path, barred in self.unless.items())


@dataclass(frozen=True)
class Equation:
    """A named equation; ``symbols`` are the numbers in it: symbol -> field. A ``quiet`` one shows where it changed."""

    title: str
    source: str
    terms: tuple[Term, ...]
    symbols: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False

    def compared(self, base: Mapping[str, Any], values: Mapping[str, Any]) -> list[tuple[Term, ShownAs]]:
        """Every term of either settings: ``kept`` in both, ``gone`` from the base, or ``new`` in ``values``."""
        found: list[tuple[Term, ShownAs]] = []
        for term in self.terms:
            before, after = term.holds(base), term.holds(values)
            if before or after:
                found.append((term, "kept" if before and after else "gone" if before else "new"))
        return found

    def numbers(self, values: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
        """(symbol, field, value) of the numbers in it."""
        return [(symbol, path, values[path]) for symbol, path in self.symbols.items() if path in values]


ShownAs = Literal["kept", "gone", "new"]


def glyphs(text: str) -> Iterator[Glyphs]:
    """A term's text in styles. Raises ValueError for a bracket or quote that does not end."""
    yield from _glyphs(text, "line")


def spoken(text: str) -> str:
    """A term's text without the notation's marks, for screen readers."""
    return "".join(each.text for each in glyphs(text))


def _glyphs(text: str, level: Level) -> Iterator[Glyphs]:
    place = 0
    while place < len(text):
        sign = text[place]
        if sign == '"':
            end = text.index('"', place + 1)
            yield Glyphs(text[place + 1 : end], False, level)
            place = end + 1
        elif sign in _MARKS and level == "line":
            if text[place + 1] == "{":
                end = text.index("}", place)
                inner, place = text[place + 2 : end], end + 1
            else:
                inner, place = text[place + 1], place + 2
            yield from _glyphs(inner, _MARKS[sign])
        else:
            yield Glyphs(sign, sign.isalpha() and sign not in _UPRIGHT, level)
            place += 1
