"""Whether a time can be that of a picture or of a port call at all: a slip of the pen in a year is found out here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST_YEAR = 1960  # the first pictures from orbit
_CLOCKS_DIFFER = timedelta(days=1)


def impossible(time: datetime) -> str:
    """Why an aware time cannot be right, as the end of a sentence; "" where nothing speaks against it."""
    if time.year < FIRST_YEAR:
        return f"lies before {FIRST_YEAR}, when no satellite took pictures; correct the year"
    now = datetime.now(UTC)
    if time > now + _CLOCKS_DIFFER:
        return f"lies in the future (it is {now:%Y-%m-%d} by this machine's clock); correct the year"
    return ""
