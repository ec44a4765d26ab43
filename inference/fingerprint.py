"""What a scene's detections rest on, as one hash: equal fingerprints need no second run."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ..imagery.scene import Scene
from ..models.metadata import ModelMetadata

# Raised when a change to tiling, merging, measuring or sizing changes detections of the same scene, model and settings.
DETECTION_VERSION = 1


def fingerprint(scene: Scene, metadata: ModelMetadata, settings: dict[str, Any]) -> str:
    """Hash of a scene's files and time, the model's weights, and the settings that decide the result.

    Local files count by name, size and modification time, not by folder: a moved folder of scenes is still known.
    Remote ones count by address. Pixels are not read.

    Args:
        scene: as opened.
        metadata: of the model.
        settings: JSON values, as `DetectSettings.resolved`.

    Returns:
        32 hexadecimal digits.
    """
    basis = {
        "version": DETECTION_VERSION,
        "files": [_identity(name) for name in _files(scene)],
        "scene_id": scene.scene_id,
        "acquired_at": scene.acquired_at.isoformat() if scene.acquired_at else None,
        "georeference": [scene.crs.to_wkt(), *scene.transform, scene.width, scene.height],
        "bands": scene.band_indexes,
        # Weights alone do not decide: bias, thresholds and classes stand in the metadata.
        "model": metadata.model_dump(mode="json"),
        "settings": settings,
    }
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()[:32]


def _files(scene: Scene) -> list[str]:
    """The scene's pixels and its cloud mask; a VRT in memory counts by the files it names."""
    if scene.source.startswith("<VRTDataset"):
        files = re.findall(r"<SourceFilename[^>]*>([^<]+)</SourceFilename>", scene.source)
    else:
        files = [scene.source]
    return files + ([scene.cloud_mask] if scene.cloud_mask else [])


def _identity(name: str) -> list[str | int]:
    # Of /vsizip/folder/product.zip/band.jp2 the archive is what lies on disk, the rest a name inside it.
    archive = re.fullmatch(r"/vsizip/(.+?\.zip)/(.*)", name, re.IGNORECASE)
    path, inside = (Path(archive.group(1)), archive.group(2)) if archive else (Path(name), "")
    try:
        stat = path.stat()
    except OSError:
        return [name]
    return [path.name, inside, stat.st_size, stat.st_mtime_ns]
