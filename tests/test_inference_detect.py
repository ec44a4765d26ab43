"""One scene through the whole chain, from a GeoTIFF on disk to ships in metres."""

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inference_scenes import WATER, BrightHulls, Hull, metadata, north_up, paint, write
from pyproj import Geod, Transformer

from berthwatch.errors import BerthwatchError
from berthwatch.imagery import tiles as tiles_module
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect import COARSEST_GSD_M, DetectSettings, detect_scene, plan_grid
from berthwatch.inference.detections import COLUMNS, empty_detections
from berthwatch.inference.stage_times import StageTimes
from berthwatch.inference.store import write_scene
from berthwatch.models.boxes import Boxes
from berthwatch.models.registry import load_detector

LON, LAT = 133.05, 42.74
UTM = "EPSG:32653"
GEOD = Geod(ellps="WGS84")


def hull_at(crs, transform, x, y, *, heading=30.0, length=334.0, beam=60.0) -> Hull:
    """A hull whose centre is at pixel (x, y)."""
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*(transform @ (x, y)))
    return Hull(lon, lat, heading, length, beam)


def make_scene(folder, hulls, *, crs=UTM, transform=None, width=700, height=700, gsd_m=3.0, **profile):
    transform = transform or north_up(crs, LON, LAT, (gsd_m, gsd_m))
    pixels = paint(hulls, crs=crs, transform=transform, width=width, height=height, gsd_m=gsd_m)
    return open_scene(write(folder / "scene.tif", pixels, crs=crs, transform=transform, **profile))


def assert_is(ship: pd.Series, hull: Hull, *, metres: float = 3.0, degrees: float = 1.0) -> None:
    assert ship.length_m == pytest.approx(hull.length_m, abs=metres)
    assert ship.beam_m == pytest.approx(hull.beam_m, abs=metres)
    assert abs((ship.heading_deg - hull.heading_deg + 90) % 180 - 90) < degrees
    assert GEOD.inv(ship.lon, ship.lat, hull.lon, hull.lat)[2] < metres
    assert shapely.Point(hull.lon, hull.lat).within(ship.geometry)


GRIDS = {
    "UTM": (UTM, north_up(UTM, LON, LAT, (3.0, 3.0))),
    "Web Mercator, 3 m on the ground": ("EPSG:3857", north_up("EPSG:3857", LON, LAT, (4.08, 4.08))),
    "degrees, pixels taller than wide": ("EPSG:4326", north_up("EPSG:4326", LON, LAT, (2.9e-5, 2.9e-5))),
    "south up": (UTM, north_up(UTM, LON, LAT - 0.02, (3.0, -3.0))),
    "turned by 20 degrees": (UTM, north_up(UTM, LON, LAT, (3.0, 3.0)) @ Affine.rotation(20)),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("heading", [5.0, 130.0])
def test_metres_and_headings_are_right_in_every_crs(tmp_path, grid, heading):
    crs, transform = grid
    hull = hull_at(crs, transform, 350, 330, heading=heading, length=250, beam=44)
    scene = make_scene(tmp_path, [hull], crs=crs, transform=transform)

    record, ships = detect_scene(scene, BrightHulls())

    assert len(ships) == 1
    assert_is(ships.iloc[0], hull)
    assert record.working_gsd_m == pytest.approx(3.0, rel=0.25)
    assert record.observed.area == pytest.approx(record.footprint.area, rel=1e-3)


@pytest.mark.parametrize(
    ("scene_gsd", "working_gsd"), [(1.0, 3.0), (3.0, 3.0), (5.0, 5.0), (14.0, 10.0)], ids=lambda value: f"{value} m"
)
def test_a_scene_is_searched_at_the_gsd_the_model_knows(tmp_path, scene_gsd, working_gsd):
    side = int(2100 / scene_gsd)
    transform = north_up(UTM, LON, LAT, (scene_gsd, scene_gsd))
    hull = hull_at(UTM, transform, side / 2, side / 2)
    scene = make_scene(tmp_path, [hull], transform=transform, width=side, height=side, gsd_m=scene_gsd)

    record, ships = detect_scene(scene, BrightHulls())

    assert record.working_gsd_m == pytest.approx(working_gsd, rel=0.01)
    assert len(ships) == 1
    assert_is(ships.iloc[0], hull, metres=max(3.0, 0.7 * working_gsd))
    assert ships.length_sd_m[0] == pytest.approx(0.5 * working_gsd, rel=0.01)


@given(x=st.floats(120, 580), y=st.floats(120, 580), heading=st.floats(0, 180))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_vlcc_is_one_ship_wherever_the_seams_cut_it(tmp_path, x, y, heading):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    hull = hull_at(UTM, transform, x, y, heading=heading)
    scene = make_scene(tmp_path, [hull], transform=transform)
    assert len(plan_grid(scene, metadata(), DetectSettings()).tiles) == 16

    _, ships = detect_scene(scene, BrightHulls())

    assert len(ships) == 1
    assert_is(ships.iloc[0], hull)
    assert not ships.touches_edge[0]


@pytest.mark.parametrize("heading", [0.0, 20.0, 45.0, 70.0])
@pytest.mark.parametrize("phase", [0, 61])
def test_four_tankers_moored_side_by_side_stay_four(tmp_path, heading, phase):
    gsd, gap, beam = 1.0, 5.0, 44.0
    transform = north_up(UTM, LON, LAT, (gsd, gsd))
    centre = hull_at(UTM, transform, 420 + phase, 420 + 2 * phase, heading=heading, length=250, beam=beam)
    row = []
    for place in (-1.5, -0.5, 0.5, 1.5):
        lon, lat, _ = GEOD.fwd(centre.lon, centre.lat, heading + 90, place * (beam + gap))
        row.append(Hull(lon, lat, heading, 250, beam))
    scene = make_scene(tmp_path, row, transform=transform, width=1000, height=1000, gsd_m=gsd)

    _, ships = detect_scene(scene, BrightHulls(metadata(min_working_gsd_m=1.0, tile_px=640)))

    assert len(ships) == 4
    for hull in row:
        nearest = np.argmin([GEOD.inv(hull.lon, hull.lat, s.lon, s.lat)[2] for s in ships.itertuples()])
        assert_is(ships.iloc[nearest], hull)


def test_shifting_the_scene_changes_nothing(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    fleet = [
        hull_at(UTM, transform, x, y, heading=17.0 * i, length=90 + 35 * i, beam=15 + 6 * i)
        for i, (x, y) in enumerate([(120, 150), (330, 180), (500, 330), (200, 420), (420, 520), (330, 330)])
    ]
    reference = None
    for shift in ((0, 0), (1, 0), (37, 64), (90, 11)):
        moved = transform @ Affine.translation(-shift[0], -shift[1])
        scene = make_scene(tmp_path, fleet, transform=moved, width=760, height=760)
        _, ships = detect_scene(scene, BrightHulls())
        measured = ships[["lon", "lat", "length_m", "beam_m", "heading_deg"]].to_numpy()
        reference = measured if reference is None else reference
        np.testing.assert_allclose(measured, reference, rtol=1e-9, atol=1e-9)


class Undecided(BrightHulls):
    """Tiles of odd and even columns disagree on where ships lie, each thinking them in the other's core."""

    def detect(self, tiles):
        found = []
        for i, boxes in enumerate(super().detect(tiles)):
            column = (self.tiles_seen - len(tiles) + i) % 3
            found.append(boxes.shifted(3.0 if column == 0 else -3.0, 0.0))
        return found


def test_a_ship_between_two_tiles_is_not_lost_when_they_disagree_where_it_lies(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    blank = make_scene(tmp_path, [], transform=transform)
    border = plan_grid(blank, metadata(), DetectSettings()).tiles[0].core[2]
    scene = make_scene(tmp_path, [hull_at(UTM, transform, border, 150)], transform=transform)

    _, ships = detect_scene(scene, Undecided())

    assert len(ships) == 1


def test_ships_cut_by_the_scene_or_by_nodata_are_marked(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    places = {"whole": (350, 350), "off the north": (250, 10), "under nodata": (560, 480), "at the border": (100, 500)}
    hulls = [hull_at(UTM, transform, *place, heading=60) for place in places.values()]
    pixels = paint(hulls, crs=UTM, transform=transform, width=700, height=700, gsd_m=3.0)
    x, y = np.meshgrid(np.arange(700), np.arange(700))
    pixels[:, x + 0.3 * y > 720] = 0
    scene = open_scene(write(tmp_path / "scene.tif", pixels, crs=UTM, transform=transform, nodata=0))

    _, ships = detect_scene(scene, BrightHulls())

    marked = {
        name: bool(ships.touches_edge[np.hypot(ships.lon - hull.lon, ships.lat - hull.lat).argmin()])
        for name, hull in zip(places, hulls, strict=True)
    }
    assert marked == {"whole": False, "off the north": True, "under nodata": True, "at the border": False}


def test_a_valid_black_shadow_is_no_border(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    hull = hull_at(UTM, transform, 350, 350)
    pixels = paint([hull], crs=UTM, transform=transform, width=700, height=700, gsd_m=3.0)
    pixels[pixels == WATER] = 0
    scene = open_scene(write(tmp_path / "scene.tif", pixels, crs=UTM, transform=transform))

    _, ships = detect_scene(scene, BrightHulls())

    assert list(ships.touches_edge) == [False]


@pytest.mark.parametrize("gsd_m", [49.0, 51.0, 1000.0])
def test_a_picture_too_coarse_to_see_ships_on_is_refused(tmp_path, gsd_m):
    scene = make_scene(tmp_path, [], gsd_m=gsd_m, width=40, height=40)

    if gsd_m < COARSEST_GSD_M:
        assert detect_scene(scene, BrightHulls())[1].empty
        return
    with pytest.raises(BerthwatchError, match=rf"scene: its pixels are {gsd_m:,.0f} m on the ground, too coarse"):
        detect_scene(scene, BrightHulls())


def test_a_scene_of_nodata_is_a_valid_empty_result(tmp_path):
    blank = np.zeros((3, 500, 500), np.uint8)
    path = write(tmp_path / "s.tif", blank, crs=UTM, transform=north_up(UTM, LON, LAT, (3.0, 3.0)), nodata=0)
    detector = BrightHulls()

    record, ships = detect_scene(open_scene(path), detector)

    pd.testing.assert_frame_equal(pd.DataFrame(ships), pd.DataFrame(empty_detections()))
    assert record.observed.is_empty
    assert not record.footprint.is_empty
    assert detector.tiles_seen == 0


def test_an_aoi_limits_ships_tiles_and_the_observed_area(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    inside = hull_at(UTM, transform, 150, 150, length=120, beam=20)
    outside = hull_at(UTM, transform, 550, 550, length=120, beam=20)
    scene = make_scene(tmp_path, [inside, outside], transform=transform)
    aoi = shapely.Point(inside.lon, inside.lat).buffer(0.004, quad_segs=2)
    detector = BrightHulls()

    record, ships = detect_scene(scene, detector, aoi=aoi)

    assert len(ships) == 1
    assert_is(ships.iloc[0], inside)
    assert detector.tiles_seen < 16
    assert record.observed.symmetric_difference(aoi & scene.footprint()).area < 1e-3 * aoi.area
    assert record.settings["aoi"]["type"] == "Polygon"


def test_of_ships_astride_the_aois_edge_those_centred_inside_count(tmp_path):
    """Two ships of one tile, 40 px long across the edge at column 200, centred 10 px this side of it and beyond."""
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    inside, outside = (
        hull_at(UTM, transform, *place, heading=90, length=120, beam=20) for place in ((190, 100), (210, 220))
    )
    scene = make_scene(tmp_path, [inside, outside], transform=transform)
    detector = BrightHulls()

    _, ships = detect_scene(scene, detector, aoi=scene.polygon_to_lonlat(shapely.box(40, 40, 200, 300)))

    assert detector.tiles_seen > 0
    assert len(ships) == 1
    assert_is(ships.iloc[0], inside)


def test_an_aoi_elsewhere_gives_nothing_observed(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    scene = make_scene(tmp_path, [hull_at(UTM, transform, 350, 350)], transform=transform)

    record, ships = detect_scene(scene, BrightHulls(), aoi=shapely.box(10, 50, 11, 51))

    assert len(ships) == 0
    assert record.observed.is_empty


def test_a_scene_is_read_once_and_beyond_the_aoi_not_at_all(tmp_path, monkeypatch):
    """Pixels decoded at detection's scale, counted where they come out of the file; the look for the stretch apart."""
    counted: list[float] = []
    read = tiles_module.read_window

    def counting(dataset, scene, window, *further, **options):
        counted.append(window[2] * window[3])
        return read(dataset, scene, window, *further, **options)

    monkeypatch.setattr(tiles_module, "read_window", counting)
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    options = {"tiled": True, "blockxsize": 128, "blockysize": 128}
    scene = make_scene(tmp_path, [], transform=transform, width=1300, height=1100, **options)

    detect_scene(scene, BrightHulls())
    whole, counted[:] = sum(counted), []
    corner = scene.to_lonlat([(40, 30), (100, 90)])
    detect_scene(scene, BrightHulls(), aoi=shapely.box(*corner.min(axis=0), *corner.max(axis=0)))

    assert whole == 1300 * 1100
    assert sum(counted) == 320 * 320


def test_a_scene_finer_than_the_model_is_read_from_its_overviews(tmp_path):
    transform = north_up(UTM, LON, LAT, (0.75, 0.75))
    hull = hull_at(UTM, transform, 1300, 1300, length=300, beam=50)
    scene = make_scene(tmp_path, [hull], transform=transform, width=2600, height=2600, gsd_m=0.75)
    with rasterio.open(scene.source, "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.average)
        file.write(np.full((3, 2600, 2600), WATER, np.uint8))  # the ship is left in the overviews alone

    _, ships = detect_scene(open_scene(scene.source), BrightHulls())

    assert len(ships) == 1
    assert_is(ships.iloc[0], hull)


def test_wide_scenes_are_judged_panel_by_panel_as_if_whole(tmp_path, monkeypatch):
    """Nodata in a slanted corner and a cloud by mask: the seen area does not depend on how the scene is read."""
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    pixels = paint([], crs=UTM, transform=transform, width=1300, height=900, gsd_m=3.0)
    x, y = np.meshgrid(np.arange(1300), np.arange(900))
    pixels[:, x + y < 400] = 0
    options = {"crs": UTM, "transform": transform, "tiled": True, "blockxsize": 128, "blockysize": 128}
    path = write(tmp_path / "s.tif", pixels, nodata=0, **options)
    cloud = np.hypot(x - 640, y - 500) < 120
    mask = write(tmp_path / "mask.tif", cloud.astype(np.uint8)[None], **options)
    scene = open_scene(path, cloud_mask=mask)

    whole, _ = detect_scene(scene, BrightHulls())
    monkeypatch.setattr(tiles_module, "_PANEL_PX", 400)
    panels, _ = detect_scene(scene, BrightHulls())

    assert panels.observed.symmetric_difference(whole.observed).area < 1e-6 * whole.observed.area
    unseen = 1 - whole.observed.area / whole.footprint.area
    assert unseen == pytest.approx((400**2 / 2 + np.pi * 120**2) / (1300 * 900), rel=0.05)


def test_threads_change_no_byte_of_the_store(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    fleet = [hull_at(UTM, transform, 150 + 150 * i, 200 + 90 * i, heading=40 * i, length=150) for i in range(4)]
    scene = make_scene(tmp_path, fleet, transform=transform)
    files = []
    for threads in (1, 2, 5):
        detector = BrightHulls(description=f"ONNX Runtime 1.32.0, CPU, {threads} thread{'s' if threads > 1 else ''}")
        path = write_scene(tmp_path / f"store-{threads}", *detect_scene(scene, detector))
        files.append(path.read_bytes())

    assert files[0] == files[1] == files[2]


def test_threads_of_the_real_detector_change_no_byte_either(tmp_path):
    pixels = np.random.default_rng(5).integers(20, 90, (3, 700, 700)).astype(np.uint8)
    for x in (90, 300, 520):
        pixels[:, 200:216, x : x + 90] = 190
    scene = open_scene(write(tmp_path / "s.tif", pixels, crs=UTM, transform=north_up(UTM, LON, LAT, (3.0, 3.0))))

    files = []
    for threads in (1, 3):
        detector = load_detector(device="cpu", threads=threads, score_threshold=0.001)
        record, ships = detect_scene(scene, detector, DetectSettings(score_threshold=0.001))
        assert len(ships) > 0
        files.append(write_scene(tmp_path / f"store-{threads}", record, ships).read_bytes())

    assert files[0] == files[1]


class AlwaysFull(BrightHulls):
    """A model whose file holds one ship a tile."""

    def detect(self, tiles):
        self.saturated_tiles += len(tiles)
        return super().detect(tiles)


def test_saturated_tiles_are_counted_and_warned_of(tmp_path, caplog):
    scene, times = make_scene(tmp_path, []), StageTimes()

    detect_scene(scene, AlwaysFull(), times=times)

    assert times.saturated_tiles == 16
    assert "scene: in 16 of 16 tiles bright-hulls found as many ships as its file can hold" in caplog.text


def test_rows_are_complete_and_agree_with_each_other(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    vlcc = hull_at(UTM, transform, 350, 200, length=334, beam=60)
    coaster = hull_at(UTM, transform, 350, 500, length=90, beam=14.5)
    scene = make_scene(tmp_path, [coaster, vlcc], transform=transform)

    _, ships = detect_scene(scene, BrightHulls())

    assert tuple(ships.columns) == COLUMNS
    assert list(ships.detection_id) == ["scene-00001", "scene-00002"], "numbered from the north down"
    assert list(ships.size_class) == ["VLCC", "coastal L"]
    assert list(ships.vessel_class) == ["tanker", "tanker"]
    np.testing.assert_allclose(ships.tanker_probability, 0.9, rtol=1e-6)
    assert ships.dwt_t_p05[0] < 300_000 < ships.dwt_t_p95[0]
    assert ships.dwt_t_p05[1] < 3_700 < ships.dwt_t_p95[1]
    assert ships.acquired_at.isna().all()


def test_batches_make_no_difference_and_a_run_repeats_itself(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    fleet = [
        hull_at(UTM, transform, 100 + 120 * i, 150 + 80 * i, heading=31.0 * i, length=200, beam=30) for i in range(5)
    ]
    scene = make_scene(tmp_path, fleet, transform=transform)

    results = [detect_scene(scene, BrightHulls(), DetectSettings(batch_size=size)) for size in (1, 1, 4, 50)]

    for record, ships in results:
        assert record == results[0][0]
        pd.testing.assert_frame_equal(pd.DataFrame(ships), pd.DataFrame(results[0][1]))


def test_a_score_threshold_drops_what_scores_less(tmp_path):
    transform = north_up(UTM, LON, LAT, (3.0, 3.0))
    scene = make_scene(tmp_path, [hull_at(UTM, transform, 350, 350)], transform=transform)

    kept = detect_scene(scene, BrightHulls(), DetectSettings(score_threshold=0.89))
    dropped = detect_scene(scene, BrightHulls(), DetectSettings(score_threshold=0.91))

    assert (len(kept[1]), len(dropped[1])) == (1, 0)
    assert dropped[0].settings["score_threshold"] == 0.91
    assert kept[0].fingerprint != dropped[0].fingerprint


def test_each_scene_is_judged_at_its_own_gsds_threshold_and_probability(tmp_path):
    """The bright hull scores 0.9: kept at 3 m, dropped at 10 m, unless the user says otherwise."""
    card = metadata(
        max_working_gsd_m=5.0, score_threshold=0.5, coarse_score_thresholds=({"from_gsd_m": 6.0, "score": 0.95},),
        ship_slope=2.0, ship_log_blur=-1.5,
    )  # fmt: skip
    found = {}
    for gsd_m in (3.0, 10.0):
        transform = north_up(UTM, LON, LAT, (gsd_m, gsd_m))
        scene = make_scene(tmp_path / f"{gsd_m}", [hull_at(UTM, transform, 150, 150)], transform=transform,
                           width=300, height=300, gsd_m=gsd_m)  # fmt: skip
        for score in (None, 0.1):
            found[gsd_m, score] = detect_scene(scene, BrightHulls(card), DetectSettings(score_threshold=score))

    assert {key: len(ships) for key, (_, ships) in found.items()} == {
        (3.0, None): 1, (10.0, None): 0, (3.0, 0.1): 1, (10.0, 0.1): 1,
    }  # fmt: skip
    assert found[10.0, None][0].settings["score_threshold"] == 0.95
    odds = (0.9 / 0.1) ** 2
    assert found[3.0, None][1].ship_probability[0] == pytest.approx(odds / (1 + odds))
    # 10 m shown at 5 m: 2 pixels a sample.
    odds *= 2.0**-1.5
    assert found[10.0, 0.1][1].ship_probability[0] == pytest.approx(odds / (1 + odds), rel=1e-3)


def test_a_sensor_coarser_than_the_model_measures_with_an_error_of_its_own(tmp_path):
    """10 m shown at 5 m: one working pixel of blur, which the card charges to length and beam, bias and spread."""
    transform = north_up(UTM, LON, LAT, (10.0, 10.0))
    hull = hull_at(UTM, transform, 150, 150)
    scene = make_scene(tmp_path, [hull], transform=transform, width=300, height=300, gsd_m=10.0)
    plain = {"max_working_gsd_m": 5.0, "length_sd_px": 0.5, "beam_sd_px": 0.3}
    blurred = plain | {
        "length_bias_px_per_blur": 0.4, "length_sd_px_per_blur": 0.6,
        "beam_bias_px_per_blur": -0.2, "beam_sd_px_per_blur": 0.1,
    }  # fmt: skip

    sharp, coarse = (detect_scene(scene, BrightHulls(metadata(**card)))[1].iloc[0] for card in (plain, blurred))

    assert sharp.length_m - coarse.length_m == pytest.approx(0.4 * 5, rel=0.01)
    assert sharp.beam_m - coarse.beam_m == pytest.approx(-0.2 * 5, rel=0.01)
    assert (sharp.length_sd_m, coarse.length_sd_m) == pytest.approx((0.5 * 5, 1.1 * 5), rel=0.01)
    assert (sharp.beam_sd_m, coarse.beam_sd_m) == pytest.approx((0.3 * 5, 0.4 * 5), rel=0.01)


def test_progress_rises_to_the_end_and_the_stage_table_adds_up(tmp_path):
    scene = make_scene(tmp_path, [])
    heard: list[tuple[int, int]] = []
    times = StageTimes()

    detect_scene(
        scene, BrightHulls(), DetectSettings(batch_size=2), progress=lambda *state: heard.append(state), times=times
    )

    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert heard[-1] == (16, 16)
    assert times.tiles == 16
    assert times.megapixels == pytest.approx(700 * 700 / 1e6), "every pixel of the scene once"
    assert times.square_km == pytest.approx((700 * 3 / 1000) ** 2, rel=1e-3), "every piece of ground once"
    assert times.busy["detect"] > 0
    assert times.busy["read"] > 0
    assert times.blocked["merge"] == times.blocked["write"] == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"overlap_m": 0}, "overlap_m 0 must lie within 10 to 1000"),
        ({"score_threshold": 1.5}, r"score_threshold 1\.5 must lie"),
        ({"batch_size": 0}, "batch_size 0 must be at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, message):
    with pytest.raises(BerthwatchError, match=message):
        DetectSettings(**values)


def test_a_centre_in_the_black_beyond_the_scene_is_no_ship(tmp_path):
    class SeesEchoes(BrightHulls):
        def detect(self, tiles):
            echo = Boxes.from_xywhr([[250.0, 250.0, 30.0, 8.0, 0.3]])
            return [echo for _ in tiles]

    scene = make_scene(tmp_path, [], width=200, height=200)

    _, ships = detect_scene(scene, SeesEchoes())

    assert len(ships) == 0
