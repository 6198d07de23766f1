"""The filter language of the run table, such as `agent = "alm" and step > 10000 and not tag = broken`.

    expression := term ("or" term)*          term := factor ("and" factor)*
    factor     := "not" factor | "(" expression ")" | FIELD COMPARISON VALUE
    COMPARISON := = == != < <= > >= ~        ("~": contains, without regard to case)
    VALUE      := "text" | 'text' | number | word | true | false | none

A field is one of `FIELDS`, or `settings.` and a dotted path into the run's settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, not_, or_, select

from storage.errors import ExpressionError
from storage.tables import Run, RunGroup, RunTag

Value = str | int | float | bool | None
TEXT_FIELDS = ("name", "agent", "environment", "device", "precision", "study", "preset", "note", "uuid", "reason")
NUMBER_FIELDS = (
    *("id", "seed", "step", "updates", "total_steps", "latest_return", "best_return"),
    *("steps_per_second", "updates_per_second", "active_seconds", "parent_step"),
)
TIME_FIELDS = ("created", "started", "ended", "heartbeat")
TRUTH_FIELDS = ("starred", "archived")
#: short names for what is asked for most
ALIASES = {"return": "latest_return", "best": "best_return"}
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, *TIME_FIELDS, *TRUTH_FIELDS, *ALIASES, "status", "tag", "group", "settings.…")
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*"|'[^']*')
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.-]))
    | (?P<comparison>==|!=|<=|>=|=|<|>|~)
    | (?P<bracket>[()])
    | (?P<word>[\w][\w.:/-]*)
    )""",
    re.VERBOSE,
)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def condition(expression: str, status: ColumnElement[str]) -> ColumnElement[bool]:
    """The SQL condition that an expression means; `status` is the column that shows a run's state.

    Raises ExpressionError, which names the position and, for an unknown field, the known ones.
    """
    return _Parser(expression, status).parse()


def _tokens(expression: str) -> list[_Token]:
    found: list[_Token] = []
    position, end = 0, len(expression.rstrip())
    while position < end:
        match = _TOKEN.match(expression, position)
        if match is None:
            start = position + len(expression[position:]) - len(expression[position:].lstrip())
            raise _error(start, f"{expression[start]!r} cannot be understood")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return [*found, _Token("end", "the end", end)]


class _Parser:
    def __init__(self, expression: str, status: ColumnElement[str]) -> None:
        self._tokens = _tokens(expression)
        self._status = status
        self._depth = 0

    def parse(self) -> ColumnElement[bool]:
        result = self._either()
        if self._tokens[0].kind != "end":
            raise _error(self._tokens[0].position, f"expected 'and', 'or' or the end, not {self._tokens[0].text}")
        return result

    def _take(self) -> _Token:
        return self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0]

    def _takes(self, text: str) -> bool:
        token = self._tokens[0]
        if token.kind in {"word", "bracket"} and token.text.lower() == text:
            self._take()
            return True
        return False

    def _either(self) -> ColumnElement[bool]:
        terms = [self._both()]
        while self._takes("or"):
            terms.append(self._both())
        return or_(*terms)

    def _both(self) -> ColumnElement[bool]:
        terms = [self._single()]
        while self._takes("and"):
            terms.append(self._single())
        return and_(*terms)

    def _single(self) -> ColumnElement[bool]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _error(self._tokens[0].position, f"more than {_DEEPEST} brackets or nots are inside one another")
        if self._takes("not"):
            result = not_(self._single())
        elif self._takes("("):
            result = self._either()
            if not self._takes(")"):
                raise _error(self._tokens[0].position, f"expected ')', not {self._tokens[0].text}")
        else:
            result = self._comparison()
        self._depth -= 1
        return result

    def _comparison(self) -> ColumnElement[bool]:
        name, sign, value = self._take(), self._take(), self._take()
        if name.kind != "word":
            raise _error(name.position, f"expected a field, not {name.text}")
        if sign.kind != "comparison":
            raise _error(sign.position, f"expected a comparison (= != < <= > >= ~) after {name.text}, not {sign.text}")
        if value.kind not in {"text", "number", "word"}:
            raise _error(value.position, f"expected a value after {sign.text}, not {value.text}")
        return self._compare(name, sign.text, _value(value), value.position)

    def _compare(self, name: _Token, sign: str, value: Value, position: int) -> ColumnElement[bool]:
        field = ALIASES.get(name.text.lower(), name.text.lower())
        if field == "tag":
            return _some(select(RunTag.run_id).where(RunTag.run_id == Run.id), RunTag.tag, sign, value)
        if field == "group":
            return _some(select(RunGroup.id).where(RunGroup.id == Run.group_id), RunGroup.name, sign, value)
        if field == "status":
            return _compared(self._status, sign, value)
        if field.startswith("settings.") and all(name.text.split(".")):
            return _compared_setting(name.text, sign, value)
        if field in TIME_FIELDS:
            value = _time(value, position)
        elif field in NUMBER_FIELDS and not isinstance(value, (int, float, type(None))):
            raise _error(position, f"{field} is a number, and {value!r} is not")
        elif field in TRUTH_FIELDS and not isinstance(value, bool):
            raise _error(position, f"{field} is true or false, and {value!r} is neither")
        elif field in TEXT_FIELDS and value is not None:
            value = str(value)
        elif field not in (*NUMBER_FIELDS, *TRUTH_FIELDS, *TEXT_FIELDS):
            near = get_close_matches(field, FIELDS, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(FIELDS)}"
            raise _error(name.position, f"there is no field {name.text}; {hint}")
        return _compared(getattr(Run, field).expression, sign, value)


_WORDS: Mapping[str, Value] = {"true": True, "false": False, "none": None, "null": None}


def _value(token: _Token) -> Value:
    if token.kind == "text":
        return token.text[1:-1]
    if token.kind == "number":
        return int(token.text) if re.fullmatch(r"[-+]?\d{1,18}", token.text) else float(token.text)
    return _WORDS.get(token.text.lower(), token.text)


def _compared(column: ColumnElement[Any], sign: str, value: Value) -> ColumnElement[bool]:
    if value is None:
        return column.is_(None) if sign in {"=", "=="} else column.is_not(None)
    match sign:
        case "=" | "==":
            return column == value
        case "!=":
            return or_(column != value, column.is_(None))
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case ">=":
            return column >= value
    return func.lower(cast(column, Text)).contains(str(value).lower(), autoescape=True)


def _some(rows: Select[Any], column: Any, sign: str, value: Value) -> ColumnElement[bool]:
    """Whether any tag or group fits; "!=" means that none is equal, and none that there is none."""
    if value is None:
        return not_(exists(rows)) if sign in {"=", "=="} else exists(rows)
    if sign == "!=":
        return not_(exists(rows.where(column == str(value))))
    return exists(rows.where(_compared(column.expression, sign, str(value))))


def _compared_setting(path: str, sign: str, value: Value) -> ColumnElement[bool]:
    """Compares the JSON value at a path of the spec; text with text, numbers with numbers."""
    found = Run.spec[tuple(path.split("."))]
    if value is None:
        return _compared(found.as_string(), sign, None)
    if sign == "~" or isinstance(value, str):
        return _compared(found.as_string(), sign, value)
    if isinstance(value, bool):
        return _compared(found.as_boolean(), sign, value)
    return and_(found.as_string().is_not(None), _compared(found.as_float(), sign, float(value)))


def _time(value: Value, position: int) -> float | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            raise _error(position, f"{value!r} is not a date such as 2026-01-31 or 2026-01-31T12:00") from None
    return None if value is None else float(value)


def _error(position: int, problem: str) -> ExpressionError:
    return ExpressionError(
        f"The filter cannot be understood at position {position + 1}: {problem}{'' if problem.endswith('?') else '.'}",
        "",
        'An example: agent = "alm" and step > 10000 and settings.rollout_length = 3.',
    )
