"""The commands on real scenes, as a user would run them. Skipped where the scenes are not."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from cli_runner import Result, run
from pyproj import Geod

from berthwatch.imagery.scene import open_scene
from berthwatch.inference.store import read_store

Capture = pytest.CaptureFixture[str]
SENTINEL2 = ("S2_busan_2022-05-14", "S2_marseille_2023-08-22", "S2_honolulu_2023-01-08")


@pytest.fixture
def long_beach(real_data: Path, capsys: Capture, tmp_path: Path) -> tuple[Result, Path]:
    """`watch` on the PlanetScope scene of Long Beach, 3 m."""
    scene = real_data / "planet" / "scene_3_utm11n_3m.tif"
    store = tmp_path / "store"
    return run(capsys, "watch", "long-beach", scene, "--acquired-at", "2016-07-01T18:00:00Z", "--out", store), store


def test_the_vlcc_at_the_oil_berth_is_found_and_measured(long_beach: tuple[Result, Path]) -> None:
    result, store = long_beach
    assert result.code == 0, result.err

    observations = pd.read_csv(store / "tables" / "observations.csv").set_index("berth_id")
    visits = pd.read_csv(store / "tables" / "visits.csv").set_index("berth_id")

    assert observations.loc["LB-T-oil-VLCC", "state"] == "occupied"
    visit = visits.loc["LB-T-oil-VLCC"]
    assert visit["length_m"] == pytest.approx(334, abs=17)
    assert visit["size_class"] == "VLCC"
    page = (store / "report.html").read_text()
    assert "VLCC" in page
    assert "T-oil-VLCC" in page


@pytest.mark.parametrize("name", SENTINEL2)
def test_sentinel_2_detections_lie_on_the_ships(name: str, real_data: Path, capsys: Capture, tmp_path: Path) -> None:
    """Web Mercator: the right place, and metres on the ground. How many are found is for the evaluation to say."""
    scene = real_data / "sentinel2" / f"{name}.tif"

    result = run(capsys, "detect", scene, "--out", tmp_path / "store")

    assert result.code == 0, result.err
    (record,), ships = read_store(tmp_path / "store")
    assert record.acquired_at is not None
    assert record.gsd_m == pytest.approx(10 * np.cos(np.radians(record.footprint.centroid.y)), rel=0.01)
    pairs = ships.sjoin(labelled_ships(scene), predicate="intersects")
    assert len(pairs) >= 2
    assert 0.5 < (pairs["length_m"] / pairs["labelled_m"]).median() < 1.6


def labelled_ships(scene: Path) -> gpd.GeoDataFrame:
    """The label file's quadrilaterals in longitude and latitude, with the longer side in geodesic metres."""
    lines = [line.split() for line in scene.with_suffix(".txt").read_text().splitlines()]
    corners = np.array([line[:8] for line in lines if len(line) >= 9], dtype=float).reshape(-1, 4, 2)
    lonlat = open_scene(scene).to_lonlat(corners.reshape(-1, 2)).reshape(-1, 4, 2)
    sides = [[Geod(ellps="WGS84").inv(*ship[i], *ship[i + 1])[2] for i in (0, 1)] for ship in lonlat]
    return gpd.GeoDataFrame(
        {"labelled_m": np.max(sides, axis=1)}, geometry=list(shapely.polygons(lonlat)), crs="EPSG:4326"
    )
