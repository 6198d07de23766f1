"""Equations as data: the notation, and that every ablation that an equation could show changes one."""

from __future__ import annotations

import pytest

from workbench.agents.alm_settings import AlmSettings
from workbench.equations import Equation, Glyphs, Term, glyphs, spoken
from workbench.settings import SettingsError, fields_of, flatten

EQUATION = Equation(
    "Sum",
    "Eq. 1",
    (Term("a"), Term(" + b", {"b": (True,)}), Term(" + c", unless={"c": (0.0,)})),
    {"K": "length"},
)


def test_the_notation() -> None:
    assert list(glyphs('a_t^{k+1} "log" 2∑')) == [
        Glyphs("a", True, "line"),
        Glyphs("t", True, "below"),
        Glyphs("k", True, "above"),
        Glyphs("+", False, "above"),
        Glyphs("1", False, "above"),
        Glyphs(" ", False, "line"),
        Glyphs("log", False, "line"),
        Glyphs(" ", False, "line"),
        Glyphs("2", False, "line"),
        Glyphs("∑", False, "line"),
    ]
    assert spoken('L_{"rep"} = "E"') == "Lrep = E"
    for broken in ("a_{t", '"log'):
        with pytest.raises(ValueError, match="not found"):
            list(glyphs(broken))


def test_terms_that_stay_go_and_come() -> None:
    base, other = {"b": True, "c": 0.0, "length": 3}, {"b": False, "c": 0.1, "length": 5}
    assert [(term.text, shown) for term, shown in EQUATION.compared(base, other)] == [
        ("a", "kept"),
        (" + b", "gone"),
        (" + c", "new"),
    ]
    assert [term.text for term, _ in EQUATION.compared(base, base)] == ["a", " + b"]
    assert EQUATION.numbers(other) == [("K", "length", 5)]


def test_every_term_can_be_read_and_names_fields_that_there_are() -> None:
    known = {field.path: field for field in fields_of(AlmSettings)}
    for equation in AlmSettings.equations:
        for term in equation.terms:
            assert spoken(term.text).strip()
            for path, values in {**term.when, **term.unless}.items():
                choices = known[path].choices
                assert choices is None or set(values) <= set(choices), term.text
        assert set(equation.symbols.values()) <= set(known)


@pytest.mark.parametrize("field", [field for field in fields_of(AlmSettings) if field.ablation], ids=lambda f: f.path)
def test_every_ablation_shows_in_an_equation(field) -> None:
    base = flatten(AlmSettings())
    others = field.tries or ((not field.default,) if field.kind == "bool" else field.choices)
    for value in others:
        if value == field.default:
            continue
        try:
            values = flatten(AlmSettings().replace(**{field.path: value}))
        except SettingsError:
            continue
        shows = [
            equation.numbers(base) != equation.numbers(values)
            or any(shown != "kept" for _, shown in equation.compared(base, values))
            for equation in AlmSettings.equations
        ]
        assert any(shows), (field.path, value)


def test_the_default_is_the_papers_objective() -> None:
    base = flatten(AlmSettings())
    first, second = ("".join(spoken(t.text) for t in e.terms if t.holds(base)) for e in AlmSettings.equations[:2])
    assert first == "Lrep = E [ ∑t r(zt, at) − KL(mt ∥ ēt+1) + Q(zK, aK) ]"
    assert second == "Lpol = E [ ∑t γt (rt + c log ρt) + γK Q(zK, aK) ]"
