"""What the report was made from and with, so that somebody else can make it again and compare."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

import shapely

from .. import __version__
from ..estimation.estimate import Estimate
from ..inference.store import FileSum, SceneRecord
from . import wording

_LIBRARIES = ("numpy", "pandas", "scipy", "shapely", "pyproj", "rasterio", "geopandas", "onnxruntime")


@dataclass(frozen=True)
class SceneRow:
    """A scene as the table of scenes shows it."""

    scene_id: str
    when: str
    told_by: str
    gsd: str
    observed: str
    n_ships: int
    source: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """Facts (name, value) on the run, one row a scene, the settings that decided the detections, the scenes' files."""

    facts: tuple[tuple[str, str], ...]
    scenes: tuple[SceneRow, ...]
    settings: tuple[tuple[str, str], ...]
    files: tuple[FileSum, ...]


def provenance(
    estimate: Estimate,
    *,
    at_hand: Collection[str],
    others: Collection[str],
    generated_at: datetime,
    data: Mapping[str, Any],
) -> Provenance:
    """Provenance of a report that carries `data`.

    `at_hand` are the ids of the scenes whose pictures can be shown, `others` those whose files have been found to be
    another picture than the one searched.
    """
    models = sorted({record.model_id for record in estimate.records})
    backends = sorted({record.backend for record in estimate.records})
    facts = [
        ("Report made", wording.moment(generated_at)),
        ("Software", f"berthwatch {__version__}, Python {platform.python_version()}, {platform.system()}"),
        ("Libraries", ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)),
        ("Model", ", ".join(models)),
        ("Run by", ", ".join(backends)),
        ("Product assumed", estimate.cargo.products[estimate.product].name),
        ("Random seed, draws", f"{estimate.seed}, {estimate.draws:,}"),
        ("Port described by", estimate.port.source),
        *[(f"Berth {b.name}", f"{b.source}{' (approximate)' if b.approximate else ''}") for b in estimate.port.berths],
        ("SHA-256 of the numbers in this page", hashlib.sha256(canonical_json(data).encode()).hexdigest()),
    ]
    files = [file for record in estimate.records for file in (*(record.picture_files or ()), *record.files_beside)]
    rows = _scene_rows(estimate, at_hand, others)
    return Provenance(tuple(facts), rows, _settings(estimate), tuple(dict.fromkeys(files)))


def canonical_json(data: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: equal numbers give equal text."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def source_name(source: str) -> str:
    """What may be published of where a scene was read from: its file name, or its address without user and token."""
    if source.lstrip().startswith("<"):
        names = [source_name(name) for name in re.findall(r"<SourceFilename[^>]*>([^<]+)<", source)]
        return f"bands {', '.join(dict.fromkeys(names))}" if names else "virtual raster"
    address = re.sub(r"^/vsi(curl|s3|gs|az|zip|tar|gzip)/", "", source)
    parts = urlsplit(address)
    if len(parts.scheme) > 1 and parts.netloc:
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    return PureWindowsPath(address).name if "\\" in address else PurePosixPath(address).name


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


def _scene_rows(estimate: Estimate, at_hand: Collection[str], others: Collection[str]) -> tuple[SceneRow, ...]:
    ships = estimate.detections.scene_id.value_counts()
    aoi = shapely.box(*estimate.port.aoi)
    rows = []
    for record in estimate.records:
        inside = record.footprint.intersection(aoi)
        share = record.observed.intersection(inside).area / inside.area if inside.area else 0.0
        gsd = f"{record.gsd_m:.2g} m"
        if round(record.working_gsd_m, 2) != round(record.gsd_m, 2):
            gsd += f", read at {record.working_gsd_m:.2g} m"
        rows.append(
            SceneRow(
                scene_id=record.scene_id,
                when=wording.short_moment(record.acquired_at),
                told_by=_told_by(record),
                gsd=gsd,
                observed=wording.percent(share),
                n_ships=int(ships.get(record.scene_id, 0)),
                source=source_name(record.source),
                remarks=_remarks(record, at_hand=record.scene_id in at_hand, other=record.scene_id in others),
            )
        )
    return tuple(rows)


def _remarks(record: SceneRecord, *, at_hand: bool, other: bool) -> tuple[str, ...]:
    """'picture not shown', 'no SHA-256: not read from a local file'."""
    unsummed = {
        None: "SHA-256 not kept: searched by an earlier berthwatch",
        (): "no SHA-256: not read from a local file",
    }
    shown = "not the picture searched" if other else "" if at_hand else "picture not shown"
    return tuple(filter(None, (shown, unsummed.get(record.picture_files))))


def _told_by(record: SceneRecord) -> str:
    """'tag TIFFTAG_DATETIME; may be when the file was made, and names no zone; read as UTC'."""
    return "; ".join(filter(None, (record.time_source, record.time_doubt))) or "not recorded"


def _settings(estimate: Estimate) -> tuple[tuple[str, str], ...]:
    """Settings of all records; one that differs between scenes lists all its values."""
    values: dict[str, list[str]] = {}
    for record in estimate.records:
        for name, value in sorted(record.settings.items()):
            text = _setting_text(value)
            seen = values.setdefault(name, [])
            if text not in seen:
                seen.append(text)
    return tuple((name, "; ".join(texts)) for name, texts in values.items())


def _setting_text(value: Any) -> str:
    """A setting in words; a polygon, such as the area searched, by its bounds."""
    if isinstance(value, Mapping) and "coordinates" in value:
        west, south, east, north = shapely.from_geojson(json.dumps(value)).bounds
        return f"{value['type']} within {south:.4f} to {north:.4f} N, {west:.4f} to {east:.4f} E"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
