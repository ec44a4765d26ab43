"""Numbers, dates and plurals as a newspaper prints them: rounded to what is known, with their unit and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def round_significant(value: float, digits: int) -> float:
    """`value` rounded to so many significant digits; 0 stays 0."""
    if value == 0 or not math.isfinite(value):
        return value
    # 91,437 to 2 digits: floor(log10) = 4, so round at 10^(4 - 1) = thousands -> 91,000.
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def barrels(value: float, digits: int = 3) -> str:
    """Barrels to `digits` significant digits: 91437 -> '91,400', 6_700_000 -> '6.7 million'."""
    if not math.isfinite(value):
        return "unknown"
    rounded = round_significant(float(value), digits)
    return f"{rounded / 1e6:g} million" if rounded >= 1e6 else f"{rounded:,.0f}"


def barrel_range(low: float, high: float, digits: int = 3) -> str:
    """An interval of barrels, '62,000–118,000', '1.2–3 million'; one number where both ends round to the same."""
    low_text, high_text = barrels(low, digits), barrels(high, digits)
    if low_text == high_text:
        return low_text
    if low_text.endswith(" million") and high_text.endswith(" million"):
        low_text = low_text.removesuffix(" million")
    return f"{low_text}–{high_text}"


def number(value: int) -> str:
    """'no', 'one', ... 'twelve', '13'."""
    return _WORDS[value] if 0 <= value < len(_WORDS) else f"{value:,}"


def count(value: int, noun: str) -> str:
    """'one tanker', 'six visits', '16 scenes'."""
    return f"{number(value)} {noun if value == 1 else noun + 's'}"


def figure(value: int, noun: str) -> str:
    """The same in digits, for captions and tables: '1 scene', '16 scenes'."""
    return f"{value:,} {noun if value == 1 else noun + 's'}"


def capitalised(text: str) -> str:
    """The text with its first letter upper case and the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(items: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def percent(fraction: float, digits: int = 0) -> str:
    """A share: 0.183 -> '18%'; what rounds to nothing but is not nothing reads '<1%'."""
    if not math.isfinite(fraction):
        return "unknown"
    smallest = 10.0**-digits
    if 0 < fraction * 100 < smallest / 2:
        return f"<{smallest:.{digits}f}%"
    return f"{fraction * 100:,.{digits}f}%"


def probability(value: float) -> str:
    """A probability in whole per cent that never claims certainty: '<1%', '37%', '>99%'."""
    if not math.isfinite(value):
        return "unknown"
    if value < 0.01:
        return "<1%"
    if value > 0.99:
        return ">99%"
    return f"{value * 100:.0f}%"


PROBABLE, POSSIBLE = 0.66, 0.33  # tanker probability from which a ship is called a probable, a possible tanker


def kind_of_ship(tanker_probability: float) -> str:
    """'tanker' from 90 %, 'probable tanker' from 66 %, 'tanker or other ship' from 33 %, else 'ship'."""
    if tanker_probability >= 0.9:
        return "tanker"
    if tanker_probability >= PROBABLE:
        return "probable tanker"
    return "tanker or other ship" if tanker_probability >= POSSIBLE else "ship"


def moment(time: datetime | pd.Timestamp | None) -> str:
    """'7 March 2024, 02:14 UTC'; 'time unknown' where there is none."""
    if time is None or pd.isna(time):
        return "time unknown"
    time = pd.Timestamp(time)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def short_moment(time: datetime | pd.Timestamp | None) -> str:
    """'7 Mar 2024 02:14'; 'unknown' where there is none."""
    if time is None or pd.isna(time):
        return "unknown"
    time = pd.Timestamp(time)
    return f"{time.day} {time:%b %Y %H:%M}"


def day(time: datetime | pd.Timestamp | None) -> str:
    """'7 March 2024'."""
    if time is None or pd.isna(time):
        return "an unknown day"
    time = pd.Timestamp(time)
    return f"{time.day} {time:%B %Y}"


def period(start: datetime | pd.Timestamp, end: datetime | pd.Timestamp) -> str:
    """'7 March – 18 April 2024', each part said once."""
    start, end = pd.Timestamp(start), pd.Timestamp(end)
    if start.date() == end.date():
        return day(start)
    if start.year != end.year:
        return f"{day(start)} – {day(end)}"
    if start.month != end.month:
        return f"{start.day} {start:%B} – {day(end)}"
    return f"{start.day}–{day(end)}"


def between(start: datetime | pd.Timestamp, end: datetime | pd.Timestamp) -> str:
    """'between 7 March and 18 April 2024', or 'on 7 March 2024'."""
    start, end = pd.Timestamp(start), pd.Timestamp(end)
    if start.date() == end.date():
        return f"on {day(start)}"
    first = f"{start.day} {start:%B}" if start.year == end.year else day(start)
    return f"between {first} and {day(end)}"


def duration(span: timedelta | pd.Timedelta) -> str:
    """'40 hours', '3.5 days'."""
    hours = pd.Timedelta(span).total_seconds() / 3600
    if hours < 48:
        return figure(round(hours), "hour")
    days = hours / 24
    return f"{days:.1f} days" if days < 10 else f"{days:.0f} days"


def file_size(n_bytes: int) -> str:
    """'740 KB', '1.3 MB' (powers of ten)."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} KB"


def quantile_range(row: Mapping[str, float], name: str) -> str:
    """The 90% interval of a count in a row with `name`_p05 and `name`_p95: '6–9', or '6' where both ends agree."""
    low, high = f"{row[f'{name}_p05']:.0f}", f"{row[f'{name}_p95']:.0f}"
    return low if low == high else f"{low}–{high}"
