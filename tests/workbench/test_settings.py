"""Settings: what a declaration gives to forms, flags, JSON and diffs, and the sentences for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.settings import (
    Problem,
    Schedule,
    Settings,
    SettingsError,
    build,
    diff,
    fields_of,
    flatten,
    from_json,
    parse,
    problems,
    setting,
    to_json,
    validate,
)


@dataclass(frozen=True)
class Cem(Settings):
    name: ClassVar[str] = "cem"
    horizon: int = setting(12, help="Steps planned.", low=1, high=50)
    population: int = setting(100, help="Candidates.", low=2)
    elites: int = setting(10, help="Candidates kept.", low=1)

    def check(self) -> Iterator[Problem]:
        if self.elites > self.population:
            yield Problem("elites", f"{self.elites} of {self.population} candidates cannot be kept")


@dataclass(frozen=True)
class Mppi(Settings):
    name: ClassVar[str] = "mppi"
    horizon: int = setting(20, help="Steps planned.", low=1, high=50)
    temperature: float = setting(1.0, help="Softness of the average.", above=0.0, log=True)


@dataclass(frozen=True)
class Blur(Settings):
    name: ClassVar[str] = "blur"
    scale: float = setting(0.0, help="Standard deviation.", low=0.0)


@dataclass(frozen=True)
class Toy(Settings):
    name: ClassVar[str] = "toy"
    version: ClassVar[int] = 3
    on: bool = setting(True, help="A switch.", ablation=True, source="Fig. 1")
    count: int = setting(3, help="How many.", unit="steps", low=1, high=10)
    rate: float = setting(0.5, help="How fast.", above=0.0, high=1.0)
    kind: str = setting("elu", help="Which.", choices=("elu", "relu"))
    widths: tuple[int, ...] = setting((8, 16), help="Layers.", low=1, high=64)
    std: Schedule = setting(Schedule(1.0, 0.1, 100), help="Noise.", low=0.0, high=10.0)  # noqa: RUF009
    blur: Blur = setting(Blur(), help="The view.")  # noqa: RUF009
    planner: Cem | Mppi = setting(Cem(), help="Who plans.")  # noqa: RUF009

    @classmethod
    def migrate(cls, values: dict[str, Any], version: int) -> dict[str, Any]:
        if version < 2:
            values["count"] = values.pop("number")
        return values


def complaint(**values: Any) -> str:
    """The message for building Toy from dotted values (a double underscore stands for the dot)."""
    with pytest.raises(SettingsError) as caught:
        build(Toy, {name.replace("__", "."): value for name, value in values.items()})
    return str(caught.value)


# ---- what a form sees -----------------------------------------------------------------------------------------------


def test_fields_are_flat_and_in_order() -> None:
    assert [(field.path, field.kind) for field in fields_of(Toy)] == [
        ("on", "bool"),
        ("count", "int"),
        ("rate", "float"),
        ("kind", "str"),
        ("widths", "ints"),
        ("std", "schedule"),
        ("blur.scale", "float"),
        ("planner", "choice"),
        ("planner.horizon", "int"),
        ("planner.population", "int"),
        ("planner.elites", "int"),
    ]
    by_path = {field.path: field for field in fields_of(Toy)}
    assert by_path["on"].ablation
    assert by_path["on"].source == "Fig. 1"
    assert by_path["count"].unit == "steps"
    assert by_path["planner"].choices == ("cem", "mppi")
    assert by_path["planner"].default == "cem"


def test_fields_of_the_chosen_variant() -> None:
    chosen = build(Toy, {"planner": "mppi"})
    assert [f.path for f in fields_of(Toy, chosen) if f.path.startswith("planner.")] == [
        "planner.horizon",
        "planner.temperature",
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("on", "true or false"),
        ("count", "a whole number at least 1 and at most 10"),
        ("rate", "a number above 0 and at most 1"),
        ("kind", "one of elu, relu"),
        ("widths", "whole numbers separated by commas at least 1 and at most 64"),
        ("std", "a number or linear(start, end, steps) at least 0 and at most 10"),
        ("planner", "one of cem, mppi"),
    ],
)
def test_a_range_in_words(path: str, text: str) -> None:
    assert {field.path: field.range_text for field in fields_of(Toy)}[path] == text


@dataclass(frozen=True)
class Strange(Settings):
    when: complex = setting(1j, help="No form shows this.")


def test_a_type_that_no_form_knows_is_refused() -> None:
    with pytest.raises(TypeError, match="a setting cannot have the type <class 'complex'>"):
        list(fields_of(Strange))


# ---- reading values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("on", "off", False),
        ("on", "Yes", True),
        ("on", True, True),
        ("on", 0, False),
        ("count", "7", 7),
        ("count", "1e1", 10),
        ("count", 4.0, 4),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("kind", "relu", "relu"),
        ("widths", "8,16, 32", (8, 16, 32)),
        ("widths", "[8]", (8,)),
        ("widths", [1, 2], (1, 2)),
        ("std", "0.3", Schedule.constant(0.3)),
        ("std", "linear(1, 0.5, 10)", Schedule(1.0, 0.5, 10)),
        ("std", 2, Schedule.constant(2.0)),
    ],
)
def test_text_and_json_become_values(path: str, given: Any, expected: Any) -> None:
    value = getattr(build(Toy, {path: given}), path)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("on", "maybe"),
        ("count", "three"),
        ("count", 2.5),
        ("count", "1e400"),
        ("count", True),
        ("count", None),
        ("rate", "fast"),
        ("rate", False),
        ("kind", 3),
        ("widths", "8,x"),
        ("widths", 8),
        ("widths", "8,2.5"),
        ("std", "linear(1, 2)"),
        ("std", "linear(1, 2, x)"),
        ("std", "linear(1e, 2, 3)"),
        ("planner", "best"),
        ("planner", ["cem"]),
    ],
)
def test_what_cannot_be_read_names_the_field_and_what_would_be_right(path: str, given: Any) -> None:
    expected = {field.path: field.range_text for field in fields_of(Toy)}[path]
    assert complaint(**{path: given}) == f"{path}: {given!r} is not valid; expected {expected}"


@pytest.mark.parametrize(
    ("path", "given", "shown"),
    [
        ("count", 0, "0"),
        ("count", "11", "11"),
        ("rate", 0.0, "0.0"),
        ("rate", "nan", "nan"),
        ("rate", "inf", "inf"),
        ("widths", "8,0", "(8, 0)"),
        ("widths", "65", "(65,)"),
        ("std", "linear(1, -1, 5)", "linear(1.0, -1.0, 5)"),
        ("std", "11", "11.0"),
        ("std", "nan", "nan"),
        ("blur.scale", -1, "-1.0"),
    ],
)
def test_what_is_out_of_range_names_the_field_and_the_range(path: str, given: Any, shown: str) -> None:
    expected = {field.path: field.range_text for field in fields_of(Toy)}[path]
    assert complaint(**{path: given}) == f"{path}: {shown} is out of range; expected {expected}"


def test_a_choice_that_is_none_of_the_choices() -> None:
    assert complaint(kind="tanh") == "kind: 'tanh' is not valid; expected one of elu, relu"


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        build(Toy, {"count": "x", "rat": 1, "planner.horizont": 3, "blur.scale": "wide", "on.off": 1})
    assert {problem.field for problem in caught.value.problems} == {
        "count",
        "rat",
        "planner.horizont",
        "blur.scale",
        "on.off",
    }
    with pytest.raises(SettingsError) as caught:
        build(Toy, {"count": 0, "rate": 2, "planner.elites": 1000})
    assert [problem.field for problem in caught.value.problems] == ["count", "rate", "planner.elites"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("cuont", "did you mean count"),
        ("planner.horizn", "did you mean planner.horizon?"),
        ("planer.horizon", "did you mean planner.horizon"),
        ("blur.scal", "did you mean blur.scale?"),
        ("zzz", "there are on, count, rate, kind, widths, std, blur.scale, planner, planner.horizon"),
        ("planner.temperature", "there are planner.horizon, planner.population, planner.elites"),
    ],
)
def test_an_unknown_name_gets_its_nearest_ones(path: str, hint: str) -> None:
    message = complaint(**{path.replace(".", "__"): 1})
    assert message.startswith(f"{path}: there is no such setting; ")
    assert hint in message


def test_a_plain_field_has_no_fields_of_its_own() -> None:
    assert complaint(rate__x=1) == "rate.x: rate has no fields of its own"


def test_messages_carry_the_prefix_that_the_user_sees() -> None:
    with pytest.raises(SettingsError) as caught:
        build(Cem, {"horizn": 1}, prefix="planner.")
    assert str(caught.value).startswith("planner.horizn: there is no such setting; did you mean planner.horizon?")
    with pytest.raises(SettingsError, match=r"planner\.horizon: 99 is out of range"):
        build(Cem, {"horizon": 99}, prefix="planner.")


# ---- nested and chosen ----------------------------------------------------------------------------------------------


def test_nested_fields_are_addressed_with_dots() -> None:
    toy = build(Toy, {"blur.scale": "0.5", "planner.horizon": 7})
    assert toy.blur == Blur(0.5)
    assert toy.planner == Cem(horizon=7)


def test_another_variant_begins_from_its_own_defaults() -> None:
    base = build(Toy, {"planner.horizon": 7})
    assert build(Toy, {"planner": "mppi"}, base).planner == Mppi()
    assert build(Toy, {"planner": "mppi", "planner.temperature": "0.1"}, base).planner == Mppi(temperature=0.1)
    assert build(Toy, {"planner": "cem"}, base).planner == Cem(horizon=7)
    assert build(Toy, {"rate": 0.1}, base).planner == Cem(horizon=7)


def test_fields_that_concern_each_other() -> None:
    assert complaint(planner__elites=200) == "planner.elites: 200 of 100 candidates cannot be kept"
    assert build(Toy, {"planner.elites": 200, "planner.population": 300}).planner == Cem(12, 300, 200)


def test_replace_validates() -> None:
    assert Toy().replace(count=4) == Toy(count=4)
    with pytest.raises(SettingsError, match="count: 0 is out of range"):
        Toy().replace(count=0)


def test_validate_hands_on_what_is_right() -> None:
    toy = Toy()
    assert validate(toy) is toy
    assert problems(toy) == []
    assert problems(Toy(count=99), "toy.")[0].field == "toy.count"


# ---- JSON and differences -------------------------------------------------------------------------------------------

toys = st.builds(
    Toy,
    on=st.booleans(),
    count=st.integers(1, 10),
    rate=st.floats(0.0, 1.0, exclude_min=True),
    kind=st.sampled_from(["elu", "relu"]),
    widths=st.lists(st.integers(1, 64), min_size=1).map(tuple),
    std=st.builds(Schedule, st.floats(0.0, 10.0), st.floats(0.0, 10.0), st.integers(0, 10**6)),
    blur=st.builds(Blur, st.floats(0.0, 1e6)),
    planner=st.one_of(
        st.builds(Cem, st.integers(1, 50), st.integers(20, 100), st.integers(1, 20)),
        st.builds(Mppi, st.integers(1, 50), st.floats(0.0, 1e3, exclude_min=True)),
    ),
)


@given(toy=toys)
def test_json_and_text_are_exact(toy: Toy) -> None:
    document = json.loads(json.dumps(to_json(toy)))
    assert from_json(Toy, document) == toy
    flat = flatten(toy)
    words = {k: ",".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in flat.items()}
    assert build(Toy, words) == toy
    for field in fields_of(Toy, toy):
        if field.kind != "choice":
            parse(field, flat[field.path])


def test_a_newer_version_is_refused() -> None:
    document = {**to_json(Toy()), "version": 4}
    with pytest.raises(SettingsError, match="version: these settings have version 4; this Foresight reads up to 3"):
        from_json(Toy, document)


def test_an_older_version_is_brought_up_to_date() -> None:
    assert from_json(Toy, {"version": 1, "values": {"number": 5}}) == Toy(count=5)
    assert from_json(Toy, {"version": 2, "values": {"count": 5}}) == Toy(count=5)


def test_reading_a_document_leaves_it_as_it_is() -> None:
    document = {"version": 1, "values": {"number": 5}}
    from_json(Toy, document)
    assert document == {"version": 1, "values": {"number": 5}}


def test_what_differs() -> None:
    assert diff(Toy(), Toy()) == {}
    other = build(Toy, {"count": 4, "std": "0.3", "planner": "mppi", "planner.horizon": 12})
    assert diff(Toy(), other) == {
        "count": (3, 4),
        "std": ("linear(1.0, 0.1, 100)", "0.3"),
        "planner": ("cem", "mppi"),
        "planner.population": (100, None),
        "planner.elites": (10, None),
        "planner.temperature": (None, 1.0),
    }


# ---- schedules ------------------------------------------------------------------------------------------------------


def test_a_schedule_moves_in_a_straight_line_and_stays() -> None:
    schedule = Schedule(1.0, 0.1, 100)
    assert [schedule.at(step) for step in (-5, 0, 50, 100, 10**9)] == pytest.approx([1.0, 1.0, 0.55, 0.1, 0.1])
    assert Schedule.constant(0.3).at(7) == 0.3


@given(st.builds(Schedule, st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(-1, 10**9)))
def test_a_schedule_survives_its_text(schedule: Schedule) -> None:
    assert Schedule.parse(str(schedule)) == schedule


def test_equal_schedules_are_written_alike() -> None:
    assert str(Schedule(1, 0, 10)) == str(Schedule(1.0, 0.0, 10)) == "linear(1.0, 0.0, 10)"
    assert Schedule(5.0, 0.3, 0) == Schedule.constant(0.3) == Schedule(9.0, 0.3, -1)


def test_text_that_is_no_schedule() -> None:
    with pytest.raises(ValueError, match=r"'soon' is not a schedule; write a number or linear\(start, end, steps\)"):
        Schedule.parse("soon")
