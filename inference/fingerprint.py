"""A quick key of a scene, model and settings: what has an equal one is not searched again. It is no evidence.

It rests on names, sizes and modification times, so that thousands of scenes are known without reading them. Another
picture may have the same, and a copy another: what a stranger can check is in picture_files.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

from ..imagery.raster import is_remote
from ..imagery.scene import Scene
from ..models.metadata import ModelMetadata

# Raised when a change to the code changes detections, or what was seen, of the same scene, model and settings.
DETECTION_VERSION = 3


def fingerprint(scene: Scene, metadata: ModelMetadata, settings: dict[str, Any]) -> str:
    """Quick key of a scene's files and time, the model's weights, and the settings that decide the result.

    Local files count by name, size and modification time, not by folder: a moved folder of scenes is still known.
    Remote ones count by address. Pixels are not read. What runs the model is no part of it: `auto` may choose another
    the next time, and takes only one that finds the same ships.

    Args:
        scene: as opened.
        metadata: of the model.
        settings: JSON values, as `DetectSettings.resolved`.

    Returns:
        32 hexadecimal digits.
    """
    basis = {
        "version": DETECTION_VERSION,
        "picture": picture_fingerprint(scene),
        "cloud_mask": _identity(scene.cloud_mask) if scene.cloud_mask else None,
        "scene_id": scene.scene_id,
        "acquired_at": scene.acquired_at.isoformat() if scene.acquired_at else None,
        # Weights alone do not decide: bias, thresholds and classes stand in the metadata.
        "model": metadata.model_dump(mode="json"),
        "settings": settings,
    }
    return _hash(basis)


def picture_fingerprint(scene: Scene) -> str:
    """Quick key of what is seen and where: a scene's files (as in `fingerprint`), georeference and bands.

    Returns:
        32 hexadecimal digits.
    """
    return _hash(
        {
            "files": [_identity(name) for name in _files(scene.source)],
            "georeference": [scene.crs.to_wkt(), *scene.transform, scene.width, scene.height],
            "bands": scene.band_indexes,
        }
    )


def is_another_picture(stored: str, source: str) -> bool:
    """Whether two scene sources are surely different files: both are there and are not the same.

    A stored source whose place is empty may have moved. Remote ones differ by address; what follows "?" is a
    signature that changes.
    """
    if stored == source:
        return False
    old, new = ([place_on_disk(name) for name in _files(text)] for text in (stored, source))
    if all(is_remote(name) for name in (stored, source)):
        return [str(path).split("?")[0] for path, _ in old] != [str(path).split("?")[0] for path, _ in new]
    if not all(path.exists() for path, _ in (*old, *new)):
        return False
    return len(old) != len(new) or not all(
        a.samefile(b) and inside_a == inside_b for (a, inside_a), (b, inside_b) in zip(old, new, strict=True)
    )


def _hash(basis: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()[:32]


def _files(source: str) -> list[str]:
    """A source's files; a VRT in memory counts by the files it names."""
    if not source.startswith("<VRTDataset"):
        return [source]
    return [unescape(name) for name in re.findall(r"<SourceFilename[^>]*>([^<]+)</SourceFilename>", source)]


def place_on_disk(name: str) -> tuple[Path, str]:
    """Where a file that GDAL opens lies, and its name inside the archive that lies there, if it is in one.

    Of /vsizip/folder/product.zip/band.jp2 the archive is what lies on disk, the rest a name inside it.
    """
    archive = re.fullmatch(r"/vsizip/(.+?\.zip)/(.*)", name, re.IGNORECASE)
    return (Path(archive.group(1)), archive.group(2)) if archive else (Path(name), "")


def _identity(name: str) -> list[str | int]:
    path, inside = place_on_disk(name)
    try:
        stat = path.stat()
    except OSError:
        return [name]
    return [path.name, inside, stat.st_size, stat.st_mtime_ns]
