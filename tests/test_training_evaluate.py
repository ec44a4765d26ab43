"""Scene-level evaluation: perfect detections are perfect, and every kind of fault shows in its own figure."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.training.evaluate import compare, figures, labels_beside
from berthwatch.training.labels import ShipLabels


@pytest.fixture
def scene(tmp_path):
    """400 x 300 pixels of 10 m in Web Mercator at 35 N: 8.2 m on the ground."""
    path = tmp_path / "busan.tif"
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


def test_perfect_detections_give_perfect_figures(scene):
    ships = [ship(100, 100, 30, 5), ship(200, 200, 20, 4)]

    result = figures([compare(scene, labels(*ships), detected(scene, ships))], score_threshold=0.25)

    assert (result["recall"], result["precision"], result["f1"], result["average_precision"]) == (1, 1, 1, 1)
    assert result["length_mae"] == pytest.approx(0, abs=4e-3)  # the scale differs across the scene
    assert result["heading_median_abs_deg"] == pytest.approx(0, abs=0.2)
    assert result["tankers_called_tanker"] == 2


def test_metres_are_ground_metres(scene):
    pair = compare(scene, labels(ship(200, 150, 30, 5)), detected(scene, []))

    assert pair.ships["length_m"][0] == pytest.approx(30 * scene.gsd_m, rel=3e-3)
    assert 8.0 < scene.gsd_m < 8.4


def test_misses_false_alarms_lengths_and_kinds_each_have_their_figure(scene):
    tanker, bulker, missed = ship(100, 100, 30, 5), ship(200, 200, 30, 5), ship(300, 100, 30, 5)
    found = detected(
        scene, [tanker, bulker, ship(50, 250, 30, 5)], scores=[0.9, 0.8, 0.3], tanker=[0.2, 0.7, 0.9], stretch_m=24.6
    )

    result = figures(
        [compare(scene, labels(tanker, bulker, missed, kinds=("tanker", "bulk-carrier", "tanker")), found)],
        score_threshold=0.25,
    )

    assert result["recall"] == pytest.approx(2 / 3, abs=1e-3)
    assert result["precision"] == pytest.approx(2 / 3, abs=1e-3)
    assert result["false_alarms"] == 1
    assert result["length_bias"] == pytest.approx(24.6 / (30 * scene.gsd_m), rel=0.04)
    assert (result["tankers"], result["tankers_found"], result["tankers_called_tanker"]) == (2, 1, 0)
    assert result["tanker_or_not_right"] == 0.0
    assert result["recall_90"][0] < 2 / 3 < result["recall_90"][1]


def test_the_threshold_cuts_low_scores_and_short_ships_do_not_count(scene):
    long, short = ship(100, 100, 30, 5), ship(200, 200, 5, 2)
    found = detected(scene, [long, ship(300, 200, 5, 2)], scores=[0.2, 0.9])

    pair = compare(scene, labels(long, short), found, min_length_m=80)

    assert figures([pair], score_threshold=0.5)["recall"] == 0.0
    low = figures([pair], score_threshold=0.1)
    assert (low["ships"], low["recall"], low["false_alarms"]) == (1, 1.0, 0)


def test_a_scene_without_labels_says_where_they_were_expected(tmp_path):
    with pytest.raises(BerthwatchError, match=r"alpha\.txt"):
        labels_beside(tmp_path / "alpha.tif")
