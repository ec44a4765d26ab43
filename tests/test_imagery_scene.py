"""Opening a scene: where on the ground its pixels lie, whatever CRS, transform and format; and what is refused."""

import os
import sys

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.rpc import RPC
from rasterio.shutil import copy as copy_raster
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform as warp_transform

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import Scene, open_scene

BUSAN = (129.04, 35.10)
WGS84 = Geod(ellps="WGS84")


def grey(height: int = 40, width: int = 60, *, bands: int = 3, dtype: type = np.uint8) -> np.ndarray:
    rows, cols = np.mgrid[:height, :width]
    return np.stack([(rows * 3 + cols + band) % 200 + 1 for band in range(bands)]).astype(dtype)


# ---- ground sample distance


@pytest.mark.parametrize("crs", ["EPSG:32652", "EPSG:4326", "EPSG:3857", "EPSG:3035"])
@pytest.mark.parametrize("gsd_m", [0.5, 3.0, 10.0])
def test_gsd_is_ground_metres_in_any_crs(write_raster, crs, gsd_m):
    place = (10.0, 52.0) if crs == "EPSG:3035" else BUSAN

    scene = open_scene(write_raster(grey(), crs=crs, gsd_m=gsd_m, lonlat=place))

    assert scene.gsd_m == pytest.approx(gsd_m, rel=0.006)


def test_ten_metres_of_web_mercator_are_eight_at_busan(write_raster):
    scene = open_scene(write_raster(grey(), crs="EPSG:3857", transform=Affine(10, 0, 14364900.0, 0, -10, 4175000.0)))

    lat = np.radians(scene.to_lonlat([[30, 20]])[0, 1])
    assert scene.gsd_m == pytest.approx(8.18, abs=0.02)
    assert scene.gsd_m == pytest.approx(10 * np.cos(lat), rel=0.003)


def test_pixels_of_degrees_are_not_square_on_the_ground(write_raster):
    degrees = Affine(1e-4, 0, 24.9, 0, -1e-4, 60.2)  # Helsinki: a degree of longitude is half one of latitude

    scene = open_scene(write_raster(grey(), crs="EPSG:4326", transform=degrees))

    assert (scene.gsd_x_m, scene.gsd_y_m) == pytest.approx((5.55, 11.14), abs=0.02)
    assert scene.gsd_m == pytest.approx(np.sqrt(scene.gsd_x_m * scene.gsd_y_m))


def test_feet_are_not_taken_for_metres(write_raster):
    texas_feet = Affine(1.0, 0, 3_200_000.0, 0, -1.0, 13_800_000.0)

    scene = open_scene(write_raster(grey(), crs="EPSG:2278", transform=texas_feet))

    assert scene.gsd_m == pytest.approx(0.3048, rel=1e-3)


@pytest.mark.parametrize("angle_deg", [0, 17, 90, 203])
def test_a_rotated_raster_keeps_its_scale(write_raster, angle_deg):
    rotated = Affine.translation(500_000, 4_700_000) @ Affine.rotation(angle_deg) @ Affine.scale(3, -3)

    scene = open_scene(write_raster(grey(), transform=rotated))

    assert (scene.gsd_x_m, scene.gsd_y_m) == pytest.approx((3.0, 3.0), rel=0.002)


# ---- pixels and places


TRANSFORMS = {
    "north-up": Affine(3, 0, 500_000, 0, -3, 4_700_000),
    "south-up": Affine(3, 0, 500_000, 0, 3, 4_700_000),
    "rotated": Affine.translation(500_000, 4_700_000) @ Affine.rotation(33) @ Affine.scale(3, -3),
    "oblong": Affine(2, 0, 500_000, 0, -5, 4_700_000),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_places_and_pixels_agree_with_rasterio_and_back(write_raster, transform):
    path = write_raster(grey(), transform=transform)
    scene = open_scene(path)
    pixels = np.array([[0, 0], [0.5, 0.5], [60, 40], [12.25, 33.75]])

    lonlat = scene.to_lonlat(pixels)

    with rasterio.open(path) as file:
        x, y = file.transform @ (pixels[:, 0], pixels[:, 1])
        lon, lat = warp_transform(file.crs, "EPSG:4326", x, y)
    assert lonlat == pytest.approx(np.column_stack([lon, lat]), abs=1e-9)
    assert scene.from_lonlat(lonlat) == pytest.approx(pixels, abs=1e-4)


@settings(max_examples=50)
@given(
    epsg=st.sampled_from([32652, 32737, 3857, 4326]),
    lon=st.floats(126.2, 131.8),
    lat=st.floats(-60, 60),
    angle=st.floats(0, 360),
    x=st.floats(-1000, 5000),
    y=st.floats(-1000, 5000),
)
def test_every_pixel_comes_back_to_a_hundredth(epsg, lon, lat, angle, x, y):
    crs = CRS.from_epsg(epsg)
    lon = lon - 90 if epsg == 32737 else lon
    (east,), (north,) = warp_transform("EPSG:4326", crs, [lon], [lat])
    size = 3e-5 if crs.is_geographic else 3.0
    transform = Affine.translation(east, north) @ Affine.rotation(angle) @ Affine.scale(size, -size)
    scene = Scene("s", "s", None, crs, transform, 4000, 4000, 3.0, 3.0, 3.0, (1, 2, 3), "uint8", None)

    assert scene.from_lonlat(scene.to_lonlat([[x, y]])) == pytest.approx(np.array([[x, y]]), abs=0.01)


def test_the_footprint_is_the_rasters_outline(write_raster):
    scene = open_scene(write_raster(grey(400, 600), transform=TRANSFORMS["rotated"]))

    outline = scene.footprint()

    area_m2, _ = WGS84.geometry_area_perimeter(outline)
    assert abs(area_m2) == pytest.approx(400 * 600 * 9, rel=0.002)
    corners = scene.to_lonlat([[0, 0], [600, 0], [600, 400], [0, 400]])
    assert outline.exterior.distance(shapely.points(corners)) == pytest.approx(np.zeros(4), abs=1e-9)


# ---- formats and bands


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("striped.tif", {"compress": "deflate", "tiled": False, "blockysize": 1}),
        ("tiled.tif", {"compress": "lzw", "tiled": True, "blockxsize": 16, "blockysize": 16}),
        ("cog.tif", {"driver": "COG", "compress": "deflate"}),
        ("scene.jp2", {"driver": "JP2OpenJPEG", "quality": "100", "reversible": "yes"}),
    ],
)
def test_formats_open_alike(write_raster, name, profile):
    scene = open_scene(write_raster(grey(), name=name, **profile))

    assert (scene.width, scene.height, scene.dtype, scene.band_indexes) == (60, 40, "uint8", (1, 2, 3))
    assert scene.scene_id == name.split(".")[0]


def test_a_vrt_opens(write_raster, tmp_path):
    path = write_raster(grey())
    vrt = tmp_path / "mosaic.vrt"
    with rasterio.open(path) as file, WarpedVRT(file, crs="EPSG:3857") as warped:
        copy_raster(warped, vrt, driver="VRT")

    scene = open_scene(vrt)

    assert scene.crs.to_epsg() == 3857
    assert scene.gsd_m == pytest.approx(3.0, rel=0.02)


def describe_bands(path, names=None, colours=None):
    with rasterio.open(path, "r+") as file:
        if names:
            file.descriptions = names
        if colours:
            file.colorinterp = colours
    return path


@pytest.mark.parametrize(
    ("count", "dtype", "names", "expected"),
    [
        (1, np.uint16, None, (1, 1, 1)),
        (3, np.uint16, None, (1, 2, 3)),
        (4, np.uint16, None, (3, 2, 1)),  # blue, green, red, near infrared
        (4, np.uint16, ("red", "green", "blue", "nir"), (1, 2, 3)),
        (4, np.uint16, ("B02", "B03", "B04", "B08"), (3, 2, 1)),
        (8, np.uint16, None, (6, 4, 2)),  # SuperDove
        (8, np.uint16, ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"), (6, 4, 2)),
    ],
)
def test_red_green_and_blue_are_found(write_raster, count, dtype, names, expected):
    path = write_raster(grey(bands=count, dtype=dtype), photometric="MINISBLACK")
    assert open_scene(describe_bands(path, names)).band_indexes == expected


def test_the_files_own_colours_come_first(write_raster):
    path = write_raster(grey(bands=4, dtype=np.uint16), photometric="MINISBLACK")
    colours = (ColorInterp.undefined, ColorInterp.blue, ColorInterp.green, ColorInterp.red)
    assert open_scene(describe_bands(path, colours=colours)).band_indexes == (4, 3, 2)


def test_a_user_may_number_the_bands(write_raster):
    scene = open_scene(write_raster(grey(bands=4)), bands={"red": "4", "green": "1", "blue": "2"})
    assert scene.band_indexes == (4, 1, 2)


def test_band_numbers_that_the_file_lacks_are_refused(write_raster):
    with pytest.raises(BerthwatchError, match="no band 4, asked for as red; give 1 to 3"):
        open_scene(write_raster(grey()), bands={"red": "4", "green": "1", "blue": "2"})


# ---- what is refused, in one line that names the file and says what to do


def refusal(source, **options) -> str:
    with pytest.raises(BerthwatchError) as caught:
        open_scene(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert str(source) in message
    return message


def test_a_missing_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.tif")


@pytest.mark.parametrize("content", [b"", b"these are words, not pixels\n", b"II*\0garbage"])
def test_what_is_no_image(tmp_path, content):
    path = tmp_path / "words.tif"
    path.write_bytes(content)
    assert "cannot be read as an image" in refusal(path)


def test_no_coordinate_reference_system(write_raster):
    path = write_raster(grey(), crs=None, transform=Affine(3, 0, 0, 0, -3, 0))
    assert "no coordinate reference system" in refusal(path)


@pytest.mark.parametrize(("name", "driver"), [("shot.png", "PNG"), ("shot.jpg", "JPEG"), ("bare.tif", "GTiff")])
def test_a_screenshot_has_no_place_on_earth(write_raster, name, driver):
    message = refusal(write_raster(grey(), name=name, crs=None, driver=driver))

    assert "has no place on Earth" in message
    assert ("a screenshot?" in message) == (driver != "GTiff")
    assert "get the GeoTIFF" in message
    assert "gdal" not in message


def test_no_position_on_the_ground(write_raster):
    path = write_raster(grey(), crs="EPSG:32652", transform=Affine.identity())
    assert "no position on the ground" in refusal(path)


def test_ground_control_points_alone(tmp_path):
    path = tmp_path / "gcps.tif"
    points = [GroundControlPoint(r, c, 133 + c / 1e4, 42 - r / 1e4) for r in (0, 40) for c in (0, 60)]
    with rasterio.open(path, "w", driver="GTiff", width=60, height=40, count=3, dtype="uint8") as file:
        file.write(grey())
        file.gcps = points, CRS.from_epsg(4326)

    message = refusal(path)

    assert "ground control points" in message
    assert "gdalwarp" in message


def test_rpcs_alone(tmp_path):
    path = tmp_path / "rpcs.tif"
    ones, zeros = [1.0] * 20, [0.0] * 20
    rpcs = RPC(10, 1, 42, 1, ones, zeros, 0, 1, 133, 1, ones, zeros, 0, 1)
    with rasterio.open(path, "w", driver="GTiff", width=60, height=40, count=3, dtype="uint8") as file:
        file.write(grey())
        file.rpcs = rpcs

    message = refusal(path)

    assert "RPCs" in message
    assert "gdalwarp -rpc" in message


def test_a_raster_of_no_size(tmp_path):
    path = tmp_path / "empty.vrt"
    path.write_text('<VRTDataset rasterXSize="0" rasterYSize="0"></VRTDataset>')
    assert "cannot be read as an image" in refusal(path)


def test_a_container_of_several_rasters(write_raster, tmp_path):
    path = tmp_path / "container.gpkg"
    picture = write_raster(grey())
    copy_raster(picture, path, driver="GPKG", RASTER_TABLE="first")
    copy_raster(picture, path, driver="GPKG", RASTER_TABLE="second", APPEND_SUBDATASET="YES")
    assert "holds no pixels" in refusal(path)


def test_a_colour_table(write_raster):
    path = write_raster(grey(bands=1), photometric="palette")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {i: (i, i, i, 255) for i in range(256)})
    assert "colour table" in refusal(path)


def test_complex_pixels(write_raster):
    assert "complex64" in refusal(write_raster(grey().astype(np.complex64)))


def test_a_centre_off_the_earth(write_raster):
    path = write_raster(grey(), transform=Affine(3, 0, 9e8, 0, -3, 9e8))
    assert "nowhere on Earth" in refusal(path)


# ---- the real scenes


def test_the_sentinel_2_scenes_are_measured_on_the_ground(real_data):
    for path in sorted((real_data / "sentinel2").glob("*.tif")):
        scene = open_scene(path)
        lat = np.radians(scene.to_lonlat([[scene.width / 2, scene.height / 2]])[0, 1])
        assert scene.gsd_m == pytest.approx(10 * np.cos(lat), rel=0.005)
        assert scene.acquired_at is not None
        assert scene.acquired_at.date().isoformat() in path.stem


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", "North"), ("EPSG:3031", "South"), ("EPSG:3575", "North")])
def test_a_scene_that_holds_a_pole_is_refused(write_raster, crs, pole):
    around = Affine(3, 0, -100, 0, -3, 50)  # 180 m by 120 m: the pole lies 33 pixels from the left, 17 from the top

    with pytest.raises(BerthwatchError, match=rf"scene\.tif: holds the {pole} Pole.*gdal_translate"):
        open_scene(write_raster(grey(), crs=crs, transform=around))


@pytest.mark.parametrize(
    ("crs", "transform"),
    [("EPSG:3413", Affine(3, 0, -300, 0, -3, 50)), ("EPSG:4326", Affine(6, 0, -180, 0, -4.5, 90))],
    ids=["beside it", "the globe in degrees"],
)
def test_a_scene_that_only_reaches_towards_a_pole_is_not(write_raster, crs, transform):
    assert open_scene(write_raster(grey(), crs=crs, transform=transform)).gsd_m > 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such name")
def test_a_file_whose_name_is_not_utf8_is_refused(write_raster):
    path = write_raster(grey())
    named = path.rename(os.fsdecode(os.fsencode(path.parent) + b"/M\xe4rz.tif"))

    assert "its name is not UTF-8" in refusal(named)
