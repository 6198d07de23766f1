"""Numbers, durations, rates, times and sizes as the whole window writes them; plain numbers as reports do too."""

from __future__ import annotations

import math
import time
from datetime import date

from workbench.figures import MINUS as MINUS
from workbench.figures import MISSING as MISSING
from workbench.figures import count as count
from workbench.figures import number as number
from workbench.figures import plural as plural
from workbench.figures import spread as spread
from workbench.figures import with_spread as with_spread

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def percent(fraction: float | None) -> str:
    """A fraction as "58 %" or "1,250 %"; below one percent with a digit more."""
    if fraction is None or not math.isfinite(fraction):
        return MISSING
    hundredths = 100 * fraction
    digits = 1 if 0 < abs(hundredths) < 0.95 else 0
    return f"{hundredths:,.{digits}f} %".replace("-", MINUS)


def rate(value: float | None, unit: str) -> str:
    """A number per time: "62.1 steps/s" for the unit "steps/s"."""
    return MISSING if value is None else f"{number(value)} {unit}"


def duration(seconds: float | None) -> str:
    """A time span in words: "0.3 s", "44 s", "3 min 20 s", "2 h 05 min", "3 d 4 h"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    seconds = max(seconds, 0.0)
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 9.95 and seconds != whole else f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def clock(seconds: float | None) -> str:
    """A time span in a table: "2:44", "1:02:44"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // _HOUR, whole % _HOUR // _MINUTE, whole % _MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ago(seconds: float | None) -> str:
    """How long since: "0.3 s ago", "40 s ago", "3 min ago", "5 h ago", "2 d ago"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    for span, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= span:
            return f"{int(seconds // span)} {unit} ago"
    return f"{duration(seconds)} ago"


def moment(timestamp: float | None, now: float | None = None) -> str:
    """A point in time in a table, as short as it can be: "14:27", "yesterday", "18 Nov", "18 Nov 2025"."""
    if timestamp is None:
        return MISSING
    then, today = time.localtime(timestamp), time.localtime(time.time() if now is None else now)
    days = _day_number(today) - _day_number(then)
    if days == 0:
        return time.strftime("%H:%M", then)
    if days == 1:
        return "yesterday"
    day = f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]}"
    return day if then.tm_year == today.tm_year else f"{day} {then.tm_year}"


def date_time(timestamp: float | None) -> str:
    """A point in time in full: "18 Nov 2026, 14:27:03"."""
    if timestamp is None:
        return MISSING
    then = time.localtime(timestamp)
    return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]} {then.tm_year}, {time.strftime('%H:%M:%S', then)}"


def size(count_of_bytes: int | None) -> str:
    """Bytes: "640 B", "5.4 MB", "1.2 GB"."""
    if count_of_bytes is None:
        return MISSING
    scaled, units = float(count_of_bytes), ["B", "kB", "MB", "GB", "TB"]
    while scaled >= 999.5 and len(units) > 1:
        scaled /= 1000
        units.pop(0)
    return f"{number(scaled)} {units[0]}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _day_number(moment_of_day: time.struct_time) -> int:
    """Days since a fixed date, so that midnights can be counted whatever the length of a day."""
    return date(moment_of_day.tm_year, moment_of_day.tm_mon, moment_of_day.tm_mday).toordinal()
