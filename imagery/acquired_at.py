"""When a scene was taken: from what the user says, the product's metadata, its name, or the file's tags."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from ..errors import BerthwatchError

DAY_ALONE = "tells the day alone; noon UTC stands for it, up to 12 hours off"
FILE_NAME = "a file's name is easily changed"
FILE_MADE = "may be when the file was made, and names no zone; read as UTC"

_TWELVE_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"


@dataclass(frozen=True)
class Dated:
    """An acquisition time and what told it.

    Attributes:
        at: UTC.
        told_by: in words that a reader of the report understands.
        doubt: why that may be wrong; "" where nothing speaks against it.
    """

    at: datetime
    told_by: str
    doubt: str = ""


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 time that names its zone; the result is in UTC.

    Raises BerthwatchError for anything else, a time without a zone included: eight hours lie between Beijing
    and London, and a visit's dates hang on it.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BerthwatchError(
            f"time {text!r} is not understood; write it like 2024-03-07T02:06:51Z (Z is UTC)"
        ) from None
    if instant.tzinfo is None:
        raise BerthwatchError(
            f"time {text!r} has no time zone; write {instant.isoformat()}Z if it is UTC, "
            f"or {instant.isoformat()}+09:00 for another zone"
        )
    return instant.astimezone(UTC)


def _from(layout: str) -> Callable[[re.Match[str]], datetime]:
    return lambda match: datetime.strptime("".join(match.groups()).title(), layout).replace(tzinfo=UTC)


# Product names, most telling first. The groups of a match, joined, are read with the layout.
_NAMES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], datetime]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), _from(layout))
    for pattern, layout in (
        # Sentinel-2 product: S2A_MSIL2A_20240307T020651_N0510_R103_T52TGP_20240307T061414
        (r"S2[A-D]_MSIL(?:1C|2A)_(\d{8})T(\d{6})", "%Y%m%d%H%M%S"),
        # Sentinel-2 band file: T52TGP_20240307T020651_B04_10m
        (r"T\d{2}[A-Z]{3}_(\d{8})T(\d{6})", "%Y%m%d%H%M%S"),
        # PlanetScope and SkySat: 20240307_015312_45_2489_3B_AnalyticMS, 20240307_023015_ssc6_u0001
        (r"(?<!\d)(\d{8})_(\d{6})_(?:\d{2}_[0-9a-f]{4}|[0-9a-f]{4}_|ssc?\d+)", "%Y%m%d%H%M%S"),
        # SkySat's older names: s103_20170410T082517Z
        (r"s\d{1,3}_(\d{8})T(\d{6})Z", "%Y%m%d%H%M%S"),
        # Maxar deliveries: 24MAR07021503-S2AS_R1C1-050123456010_01_P001
        (rf"(?<![0-9a-z])(\d{{2}})({_TWELVE_MONTHS})(\d{{2}})(\d{{6}})-[MPS]\d[A-Z]{{2}}", "%y%b%d%H%M%S"),
        # Maxar, renamed by archives: WV02_20240307021503_10300100
        (r"(?:WV0[1-4]|GE01|QB02|IK01)_(\d{14})", "%Y%m%d%H%M%S"),
        # Pleiades and SPOT: DIM_PNEO3_202403070215037_, IMG_PHR1A_PMS_202403070215037_ORT
        (r"(?:PHR1[AB]|PNEO[3-6]|SPOT[67])_(?:[A-Z-]+_)?(\d{14})\d", "%Y%m%d%H%M%S"),
        # Any name with a full basic ISO 8601 time
        (r"(?<!\d)(\d{8})T(\d{6})(?:Z|(?!\d))", "%Y%m%d%H%M%S"),
    )
)
# Landsat names hold the day alone: LC08_L1TP_112030_20240307_20240316_02_T1
_LANDSAT_DAY = re.compile(r"L[COTEM]0[4-9]_L[12][A-Z]{2}_\d{6}_(\d{8})_\d{8}_\d{2}_(?:T1|T2|RT)", re.IGNORECASE)


def time_from_name(name: str, told_by: str = "file name") -> Dated | None:
    """Time in a well-known product name (Sentinel-2, PlanetScope, SkySat, Maxar, Pleiades, SPOT, Landsat), or None.

    A Landsat name tells the day alone and gives noon UTC.
    """
    for pattern, read in _NAMES:
        if match := pattern.search(name):
            try:
                return Dated(read(match), f"{told_by} {name}")
            except ValueError:  # the digits are no date: the name only looks like one
                continue
    if match := _LANDSAT_DAY.search(name):
        return _noon(match.group(1), f"{told_by} {name}")
    return None


def _noon(day: str, told_by: str) -> Dated | None:
    """A date alone stands for noon UTC of that day, off by twelve hours at the most; None where it is no date."""
    try:
        return Dated(datetime.combine(date.fromisoformat(day.strip()), time(12), tzinfo=UTC), told_by, DAY_ALONE)
    except ValueError:
        return None


def time_from_tags(tags: Mapping[str, str]) -> Dated | None:
    """Time in a raster's tags, or None.

    TIFFTAG_DATETIME has no zone by its standard; satellite products write UTC there, and so it is read. Other programs
    write when they made the file, so it is doubted. A date alone gives noon UTC.
    """
    for key in ("ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUIRED_AT", "acquired", "datetime"):
        if dated := _lenient(tags.get(key, ""), f"tag {key}"):
            return dated
    for key, layout, doubt in (
        ("TIFFTAG_DATETIME", "%Y:%m:%d %H:%M:%S", FILE_MADE),
        ("NITF_IDATIM", "%Y%m%d%H%M%S", ""),
    ):
        try:
            return Dated(datetime.strptime(tags.get(key, ""), layout).replace(tzinfo=UTC), f"tag {key}", doubt)
        except ValueError:
            continue
    return None


def time_from_properties(properties: Mapping[str, object], told_by: str) -> Dated | None:
    """Time in the properties of a STAC or Planet item: the instant, an interval's middle, or noon UTC of a date."""
    for key in ("datetime", "acquired"):
        if isinstance(text := properties.get(key), str):
            return _lenient(text, told_by)
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if isinstance(start, str) and isinstance(end, str):
        first, last = _lenient(start, told_by), _lenient(end, told_by)
        if first and last:
            return Dated(first.at + (last.at - first.at) / 2, f"{told_by}, the middle of its interval", first.doubt)
    return None


def time_beside(path: Path) -> Dated | None:
    """Time from a STAC or Planet item lying beside a raster (`scene.json`, `scene_metadata.json`), or None."""
    stem = re.sub(r"_3B_.*$", "", path.stem)  # Planet: one item for all the assets of a scene
    for name in (f"{path.stem}.json", f"{path.stem}_metadata.json", f"{stem}_metadata.json", f"{stem}.json"):
        candidate = path.with_name(name)
        if not candidate.is_file():
            continue
        try:
            item = json.loads(candidate.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        properties = item.get("properties") if isinstance(item, dict) else None
        if isinstance(properties, dict) and (dated := time_from_properties(properties, f"item {name} beside it")):
            return dated
    return None


def _lenient(text: str, told_by: str) -> Dated | None:
    """ISO 8601 written by a machine: UTC where it names no zone, noon of a date alone; None where it is no time."""
    if noon := _noon(text, told_by):
        return noon
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return Dated(instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC), told_by)
