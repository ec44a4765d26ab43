"""What the tests of evaluation share: a scene of known ground, hulls in its pixels, and detections of them."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.training.labels import ShipLabels


def open_busan(folder: Path) -> Scene:
    """400 x 300 pixels of 10 m in Web Mercator at 35 N: 8.2 m on the ground."""
    path = folder / "busan.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=300, count=3, dtype="uint8", crs="EPSG:3857",
        transform=Affine(10, 0, 14_360_000, 0, -10, 4_180_000),
    ) as dataset:  # fmt: skip
        dataset.write(np.full((3, 300, 400), 50, np.uint8))
    return open_scene(path)


def ship(x: float, y: float, length: float, beam: float) -> np.ndarray:
    return np.array([[x - length / 2, y - beam / 2], [x + length / 2, y - beam / 2],
                     [x + length / 2, y + beam / 2], [x - length / 2, y + beam / 2]])  # fmt: skip


def detected(scene, corners: list[np.ndarray], *, scores=None, tanker=None, stretch_m: float = 0.0) -> gpd.GeoDataFrame:
    n = len(corners)
    sides_m = [np.ptp(c, axis=0) * scene.gsd_m for c in corners]
    return gpd.GeoDataFrame(
        {
            "scene_id": [scene.scene_id] * n,
            "score": scores if scores is not None else [0.9] * n,
            "ship_probability": [0.9] * n,
            "vessel_class": ["tanker"] * n,
            "tanker_probability": tanker if tanker is not None else [0.9] * n,
            "length_m": [side[0] + stretch_m for side in sides_m],
            "beam_m": [side[1] for side in sides_m],
            "heading_deg": [90.0] * n,
            "size_class": ["VLCC"] * n,
        },
        geometry=[shapely.Polygon(scene.to_lonlat(c)) for c in corners],
        crs="EPSG:4326",
    )


def labels(*corners: np.ndarray, kinds: tuple[str, ...] | None = None) -> ShipLabels:
    return ShipLabels(np.stack(corners), kinds or ("tanker",) * len(corners), np.zeros(len(corners), bool))
