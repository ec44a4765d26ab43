"""Synthetic scenes: right place, right metres, right time, same harbour on every date, same bytes for a seed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.imagery.synthetic.canvas import Frame, Light
from berthwatch.imagery.synthetic.fleet import afloat, alongside, random_ship, ships_along
from berthwatch.imagery.synthetic.harbour import HarbourLayout, Land, Mooring
from berthwatch.imagery.synthetic.oil_port import port_around_berth
from berthwatch.imagery.synthetic.picture import Conditions, paint_ground
from berthwatch.imagery.synthetic.scene import SyntheticScene, frame_at, render, write_scene
from berthwatch.imagery.synthetic.sea import Sea
from berthwatch.imagery.synthetic.sensor import Sensor, Sky, expose
from berthwatch.imagery.synthetic.ships import SyntheticShip
from berthwatch.imagery.synthetic.sun import sun_position

GEOD = Geod(ellps="WGS84")
UTM = "EPSG:32653"
LON, LAT = 133.0695, 42.752
WHEN = datetime(2024, 3, 7, 1, 53, 12, tzinfo=UTC)
IDEAL = Sensor(psf_px=0.0, noise=0.0)


def scene_around(center: Frame, *, pixels: int = 256, gsd_m: float = 3.0, **changes) -> SyntheticScene:
    half = pixels * gsd_m / 2
    defaults = {"acquired_at": WHEN, "conditions": Conditions(Sea(), Light(150, 40), Sky(haze=0), IDEAL)}
    return SyntheticScene(UTM, center.x - half, center.y + half, pixels, pixels, gsd_m, **(defaults | changes))


@pytest.fixture(scope="module")
def port() -> HarbourLayout:
    return port_around_berth(frame_at(UTM, LON, LAT, 205), seed=3)


@settings(max_examples=12, deadline=None)
@given(
    heading=st.floats(0, 359.9),
    length_m=st.floats(60, 330),
    crs=st.sampled_from(["EPSG:32653", "EPSG:32652", "EPSG:32611", "EPSG:32756"]),
)
def test_truth_is_in_ground_metres_where_the_ship_was_put(heading, length_m, crs):
    lon, lat = {"EPSG:32653": (LON, LAT), "EPSG:32652": (129.04, 35.1), "EPSG:32611": (-118.2, 33.73)}.get(
        crs, (151.2, -33.9)
    )
    at = frame_at(crs, lon, lat, heading)
    ship = SyntheticShip(at.x, at.y, at.heading_deg, length_m, length_m / 6, "tanker")
    scene = SyntheticScene(crs, at.x - 300, at.y + 300, 60, 60, 10.0, WHEN, ships=(ship,))

    truth = render(scene).truth.iloc[0]

    corners = shapely.get_coordinates(truth.geometry)
    azimuth, _, side = GEOD.inv(*corners[0], *corners[1])
    _, _, end = GEOD.inv(*corners[1], *corners[2])
    assert side == pytest.approx(length_m, rel=1e-3)
    assert end == pytest.approx(length_m / 6, rel=1e-3)
    assert (azimuth - heading + 180) % 360 - 180 == pytest.approx(0, abs=0.02)
    assert (truth.heading_deg - heading + 180) % 360 - 180 == pytest.approx(0, abs=0.02)
    assert truth.geometry.centroid.x == pytest.approx(lon, abs=1e-6)
    assert truth.geometry.centroid.y == pytest.approx(lat, abs=1e-6)


def test_pixels_that_a_ship_changes_lie_in_its_truth_polygon(tmp_path):
    at = frame_at(UTM, LON, LAT, 33)
    calm = Conditions(Sea(), Light(darkness=0.0), Sky(haze=0), IDEAL)
    ship = SyntheticShip(at.x + 31, at.y - 17, at.heading_deg, 180, 30, "bulk-carrier", seed=4)
    empty = scene_around(at, conditions=calm)

    tif, truth_path = write_scene(replace(empty, ships=(ship,)), tmp_path / "ship.tif")

    water = render(empty).rgb.astype(int)
    truth = gpd.read_file(truth_path).to_crs(UTM).geometry[0]
    with rasterio.open(tif) as dataset:
        changed = np.abs(np.moveaxis(dataset.read(), 0, -1).astype(int) - water).max(2) > 6
        transform = dataset.transform
    rows, cols = np.nonzero(changed)
    x, y = rasterio.transform.xy(transform, rows, cols)  # pixel centres
    inside = shapely.contains_xy(truth.buffer(2.5), x, y)
    assert inside.all()
    assert changed.sum() * 9 == pytest.approx(truth.area, rel=0.15)  # the bow does not fill its rectangle
    assert np.hypot(x.mean() - ship.x, y.mean() - ship.y) < 0.03 * ship.length_m


def test_written_scene_opens_as_users_scenes_do(tmp_path, port):
    scene = scene_around(frame_at(UTM, LON, LAT), layout=port, pixels=300, off_swath=0.25)

    tif, _ = write_scene(scene, tmp_path / "20240307.tif")

    opened = open_scene(tif)
    assert opened.acquired_at == WHEN
    assert opened.gsd_m == pytest.approx(3.0, rel=1e-3)
    assert (opened.width, opened.height, opened.dtype) == (300, 300, "uint8")
    with rasterio.open(tif) as dataset:
        assert dataset.profile["tiled"]
        assert dataset.compression.name == "deflate"
        assert dataset.nodata == 0
        assert dataset.tags()["TIFFTAG_DATETIME"] == "2024:03:07 01:53:12"
        assert dataset.tags()["ACQUISITION_DATETIME"] == "2024-03-07T01:53:12Z"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["20240307.tif", "20240307.truth.geojson"]


def test_other_time_zones_are_written_as_utc(tmp_path):
    vladivostok = WHEN.astimezone(timezone(timedelta(hours=10)))
    tif, _ = write_scene(
        scene_around(Frame(500_000, 4_700_000, 0), pixels=32, acquired_at=vladivostok), tmp_path / "a.tif"
    )
    with rasterio.open(tif) as dataset:
        assert dataset.tags()["ACQUISITION_DATETIME"] == "2024-03-07T01:53:12Z"


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path, port):
    sky = Conditions(Sea(), Light(), Sky(cloud_cover=0.2), Sensor())
    scene = scene_around(frame_at(UTM, LON, LAT), layout=port, conditions=sky, seed=11)
    first, _ = write_scene(scene, tmp_path / "a.tif")
    again, _ = write_scene(scene, tmp_path / "b.tif")
    other, _ = write_scene(replace(scene, seed=12), tmp_path / "c.tif")

    assert first.read_bytes() == again.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_harbour_is_the_same_on_another_date(port):
    """The paved ground and the country are pixel for pixel the same; only the water differs."""
    scene = scene_around(frame_at(UTM, LON, LAT), layout=port, pixels=400)
    grounds = [
        paint_ground(np.random.default_rng(seed), scene.view, Conditions(sea, Light(150, 40)), port, [], supersample=2)
        for seed, sea in ((1, Sea(colour=(10, 20, 30))), (2, Sea(colour=(90, 95, 80), wave_contrast=0.2)))
    ]
    same = np.abs(grounds[0] - grounds[1]).max(2) == 0
    land = shapely.union_all(port.solids())
    col, row = np.meshgrid(np.arange(400) + 0.5, np.arange(400) + 0.5)
    on_land = shapely.contains_xy(land.buffer(-8), scene.left + col * 3.0, scene.top - row * 3.0)

    assert on_land.mean() > 0.2
    assert same[on_land].mean() > 0.999
    assert same[~shapely.contains_xy(land.buffer(30), scene.left + col * 3.0, scene.top - row * 3.0)].mean() < 0.1


def test_another_date_has_another_light_and_noise_but_looks_alike(port):
    ashore = []
    for k in (0, 1):
        conditions = Conditions(Sea(), Light(140 + 20 * k, 30 + 10 * k), Sky(), Sensor())
        scene = scene_around(frame_at(UTM, LON, LAT), layout=port, pixels=400, seed=k, conditions=conditions)
        ashore.append(render(scene).rgb[:, 250:].astype(float).mean(2).ravel())

    assert not np.array_equal(*ashore)
    assert np.corrcoef(ashore)[0, 1] > 0.8


@pytest.mark.parametrize("cover", [0.0, 0.3, 0.7, 1.0])
def test_clouds_cover_what_was_asked_for(cover):
    sky = Conditions(Sea(), Light(), Sky(cloud_cover=cover, cell_m=300), IDEAL)
    rendered = render(scene_around(Frame(500_000, 4_700_000, 0), pixels=300, conditions=sky, seed=5))

    assert (rendered.clouds >= 0.5).mean() == pytest.approx(cover, abs=0.05)
    thick, clear = rendered.clouds > 0.95, rendered.clouds == 0
    if 0 < cover < 1:
        assert rendered.rgb[thick].mean() > rendered.rgb[clear].mean() + 80


def test_truth_says_what_cloud_and_swath_hide():
    center = Frame(500_000, 4_700_000, 0)
    ships = tuple(SyntheticShip(center.x + dx, center.y, 0, 150, 25, "tanker") for dx in (-300, 300))
    half_swath = render(scene_around(center, ships=ships, off_swath=0.5, off_swath_towards_deg=90))
    overcast = render(scene_around(center, ships=ships, conditions=Conditions(sky=Sky(cloud_cover=1.0))))

    np.testing.assert_allclose(half_swath.truth.visible, [1.0, 0.0])
    assert (overcast.truth.cloud > 0.95).all()
    assert (half_swath.truth.cloud == 0).all()


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.0, 0.95), towards=st.floats(0, 360))
def test_off_swath_is_nodata_and_nothing_else_is(share, towards):
    dark = Conditions(Sea(colour=(0.0, 0.0, 0.0)), Light(), Sky(haze=0), IDEAL)
    scene = scene_around(Frame(500_000, 4_700_000, 0), pixels=64, conditions=dark)
    rendered = render(replace(scene, off_swath=share, off_swath_towards_deg=towards))

    nodata = (rendered.rgb == 0).all(2)
    np.testing.assert_array_equal(nodata, ~rendered.valid)
    assert nodata.mean() == pytest.approx(share, abs=0.04)


def test_ships_outside_the_picture_are_not_in_the_truth(tmp_path):
    center = Frame(500_000, 4_700_000, 0)
    far = SyntheticShip(center.x + 5000, center.y, 0, 150, 25, "tanker")
    _, truth_path = write_scene(scene_around(center, ships=(far,)), tmp_path / "empty.tif")
    assert truth_path.read_text() == '{"type": "FeatureCollection", "features": []}'


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), heading=st.floats(0, 359), length_m=st.floats(58, 125))
def test_port_offers_the_given_berth(seed, heading, length_m):
    berth = frame_at(UTM, LON, LAT, heading)
    port = port_around_berth(berth, seed=seed)
    ship = SyntheticShip(0, 0, 0, length_m, length_m / 6.2, "tanker")

    moored = alongside(port.moorings[0], ship)

    rectangle = shapely.Polygon(berth.rectangle(-75, 75, -20, 20))
    hull = shapely.Polygon(moored.corners)
    assert port.moorings[0].kind == "oil"
    assert hull.intersection(rectangle).area > 0.98 * hull.area
    assert afloat([moored], port) == [moored]


def test_no_ship_lies_on_ground_or_in_another(port):
    rng = np.random.default_rng(0)
    land = next(f for f in port.features if isinstance(f, Land))
    inland = shapely.Polygon(land.outline).representative_point()
    at_sea = SyntheticShip(0, 0, 0, 100, 16, "tanker")
    berthed = alongside(port.moorings[0], at_sea)
    aground = random_ship(rng, Frame(inland.x, inland.y, 10), "tanker")
    crossing = replace(berthed, heading_deg=(berthed.heading_deg + 60) % 360, seed=9)

    assert afloat([aground, berthed, crossing], port) == [berthed]
    assert afloat([], port) == []


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    heading=st.floats(0, 360),
    kind=st.sampled_from(["oil", "general", "container", "small"]),
)
def test_ships_along_a_berth_lie_on_its_water_side(seed, heading, kind):
    mooring = Mooring(Frame(0, 0, heading), 900.0, kind)
    ships = ships_along(np.random.default_rng(seed), mooring, occupancy=1.0)

    assert ships
    for ship in ships:
        local = mooring.frame.to_local(ship.corners)
        assert local[:, 1].min() > -2.5  # moored a little askew, a long ship's end comes nearer
        assert local[:, 0].min() > -5
        assert local[:, 0].max() < 915


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crs": "EPSG:4326"}, "EPSG:4326 is not in metres"),
        ({"acquired_at": datetime(2024, 3, 7)}, "no time zone"),  # noqa: DTZ001
        ({"off_swath": 1.0}, "off_swath is 1.0"),
        ({"width": 0}, "0 x 256 pixels"),
        ({"gsd_m": -3.0}, "gsd_m > 0"),
    ],
)
def test_impossible_scenes_are_refused(changes, message):
    with pytest.raises(BerthwatchError, match=message):
        replace(scene_around(Frame(500_000, 4_700_000, 0)), **changes)


@pytest.mark.parametrize(
    ("when", "lon", "lat", "azimuth", "elevation"),
    [
        # Solar noon at the June solstice in Greenwich: 90 - 51.48 + 23.44.
        (datetime(2024, 6, 20, 12, 1, 50, tzinfo=UTC), 0.0, 51.48, 180.0, 61.96),
        # And in December at the Tropic of Capricorn: overhead, so only the elevation says something.
        (datetime(2024, 12, 21, 11, 58, 10, tzinfo=UTC), 0.0, -23.44, None, 90.0),
        # Sunrise at the March equinox on the equator: due east, on the horizon, at 6 h solar time.
        (datetime(2024, 3, 20, 6, 7, 30, tzinfo=UTC), 0.0, 0.0, 90.0, 0.0),
    ],
)
def test_sun_stands_where_the_almanac_says(when, lon, lat, azimuth, elevation):
    seen_azimuth, seen_elevation = sun_position(when, lon, lat)
    assert seen_elevation == pytest.approx(elevation, abs=0.3)
    if azimuth is not None:
        assert seen_azimuth == pytest.approx(azimuth, abs=0.6)


@settings(max_examples=10, deadline=None)
@given(psf_px=st.floats(0.2, 1.0), sharpening=st.floats(0.0, 1.5))
def test_exposing_in_bands_leaves_no_seams(psf_px, sharpening):
    ramp = np.random.default_rng(0).uniform(20, 190, (300, 40, 1)).astype(np.float32).repeat(3, axis=2)
    sensor = Sensor(psf_px=psf_px, sharpening=sharpening, noise=0.0)

    whole = expose(np.random.default_rng(0), ramp, sensor)

    # The same rows met at another place in another band.
    shifted = expose(np.random.default_rng(0), ramp[50:], sensor)
    np.testing.assert_array_equal(whole[60:], shifted[10:])
