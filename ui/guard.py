"""Overrides of Qt virtuals must not raise: an exception that leaves one can crash the process on Python 3.11."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def guarded(method: Callable[P, R]) -> Callable[P, R | None]:
    """Decorate every paintEvent, mouse, key, close or resize event: exceptions reach ``sys.excepthook`` and no more."""

    @functools.wraps(method)
    def wrapper(*arguments: P.args, **keywords: P.kwargs) -> R | None:
        try:
            return method(*arguments, **keywords)
        except Exception:  # noqa: BLE001  the one guard between Python and Qt
            kind, error, trace = sys.exc_info()
            if kind is not None and error is not None:
                sys.excepthook(kind, error, trace)
            return None

    return wrapper


def guarded_or(default: R) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same for overrides whose answer Qt needs: after an exception it is ``default``."""

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def wrapper(*arguments: P.args, **keywords: P.kwargs) -> R:
            try:
                return method(*arguments, **keywords)
            except Exception:  # noqa: BLE001  as above
                kind, error, trace = sys.exc_info()
                if kind is not None and error is not None:
                    sys.excepthook(kind, error, trace)
                return default

        return wrapper

    return decorate
