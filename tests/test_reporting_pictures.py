"""Pictures in the report: the outline lies on the ship's pixels, and what is not there is said to be missing."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw
from rasterio.features import rasterize
from rasterio.warp import transform_geom
from reporting_cases import HARBOUR, box, detection_row, make_port, make_record
from shapely.geometry import Point, Polygon, mapping

from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.inference.detections import COLUMNS, detections_frame
from berthwatch.reporting.pictures import PictureMaker, port_bounds, ship_bounds

RECORD = make_record(1, None)
SHIP = box(HARBOUR, 120, 20, 28)


def paint_ship(write_raster, **options) -> Scene:
    """A dark sea of 1.5 km with one light ship of 120 x 20 m at HARBOUR."""
    path = write_raster(np.full((3, 500, 500), 30, np.uint8), gsd_m=3.0, lonlat=(133.047, 42.750), **options)
    scene = open_scene(path)
    outline = transform_geom("EPSG:4326", scene.crs, mapping(SHIP))
    ship = rasterize([outline], out_shape=(scene.height, scene.width), transform=scene.transform)
    pixels = np.where(ship, 220, 30).astype(np.uint8)
    return open_scene(write_raster(np.stack([pixels] * 3), transform=scene.transform, name="ship.tif", **options))


def maker_of(scenes: dict[str, Scene]) -> PictureMaker:
    row = detection_row(RECORD, 0, HARBOUR, 120, 20, 28, np.random.default_rng(0)) | {"geometry": SHIP}
    return PictureMaker(scenes, detections_frame({name: [row[name]] for name in COLUMNS}), make_port().berths)


def decode(data_uri: str) -> np.ndarray:
    head, _, body = data_uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("L"))


@pytest.mark.parametrize("crs", ["EPSG:32652", "EPSG:3857", "EPSG:4326"])
def test_the_drawn_box_lies_on_the_ships_pixels(write_raster, crs):
    maker = maker_of({RECORD.scene_id: paint_ship(write_raster, crs=crs)})

    picture = maker.cut(RECORD.scene_id, ship_bounds(*HARBOUR, 120), max_px=400)

    pixels = decode(picture.image)
    scale = np.array([pixels.shape[1] / picture.frame.width_m, pixels.shape[0] / picture.frame.height_m])
    (hull,) = [outline for outline in picture.outlines if "hull" in outline.role]
    corners = [tuple(np.array(point.split(","), float) * scale) for point in hull.points.split()]
    canvas = Image.new("1", pixels.shape[::-1])
    ImageDraw.Draw(canvas).polygon(corners, fill=1)
    drawn, bright = np.asarray(canvas), pixels > 125
    assert (drawn & bright).sum() / (drawn | bright).sum() > 0.8


def test_a_tanker_and_the_ship_pointed_out_are_told_apart_by_their_role():
    maker = maker_of({})
    bounds = ship_bounds(*HARBOUR, 120)

    plain = maker.draw(RECORD.scene_id, bounds)
    pointed = maker.draw(RECORD.scene_id, bounds, subjects=[f"{RECORD.scene_id}-0000"])

    assert [o.role for o in plain.outlines if "hull" in o.role] == ["hull tanker"]
    assert [o.role for o in pointed.outlines if "hull" in o.role] == ["hull tanker subject"]


def test_a_scene_that_is_not_at_hand_gives_no_picture(write_raster):
    scene = paint_ship(write_raster)
    elsewhere = (10.0, 50.0, 10.01, 50.01)

    assert maker_of({}).cut(RECORD.scene_id, ship_bounds(*HARBOUR, 120), max_px=200) is None
    assert maker_of({RECORD.scene_id: scene}).cut(RECORD.scene_id, elsewhere, max_px=200) is None


def test_a_scene_whose_file_has_gone_gives_no_picture(write_raster, tmp_path):
    scene = paint_ship(write_raster)
    (tmp_path / "ship.tif").unlink()

    assert maker_of({RECORD.scene_id: scene}).cut(RECORD.scene_id, ship_bounds(*HARBOUR, 120), max_px=200) is None


@pytest.mark.parametrize(
    ("name", "tags", "credit"),
    [
        ("scene.tif", {"TIFFTAG_COPYRIGHT": "Image © Example Imaging"}, "Image © Example Imaging"),
        (
            "S2B_MSIL2A_20240307T020651_N0510_R103_T52TEN_20240307T040000.tif",
            {},
            "Contains modified Copernicus Sentinel data 2024",
        ),
        ("scene.tif", {}, ""),
    ],
)
def test_the_credit_line_comes_from_the_scene(write_raster, name, tags, credit):
    pixels = np.full((3, 500, 500), 30, np.uint8)
    scene = open_scene(write_raster(pixels, name=name, tags=tags, gsd_m=3.0, lonlat=(133.047, 42.750)))

    picture = maker_of({RECORD.scene_id: scene}).cut(RECORD.scene_id, ship_bounds(*HARBOUR, 120), max_px=200)

    assert picture.credit == credit


def test_every_oil_berth_bears_its_number_in_its_own_middle_however_close_they_lie():
    port = make_port(n_oil=12, n_other=2)
    empty = maker_of({}).detections.iloc[:0]

    picture = PictureMaker({}, empty, port.berths).draw(None, port_bounds(port.berths))

    for number, (berth, outline) in enumerate(zip(port.berths, picture.outlines, strict=True), 1):
        assert outline.label == (f"{number}" if berth.kind == "oil" else "")
        corners = [tuple(map(float, point.split(","))) for point in outline.points.split()]
        x, y = outline.label_at[0] * picture.frame.width_m, outline.label_at[1] * picture.frame.height_m
        assert Polygon(corners).contains(Point(x, y))


def test_a_ship_is_called_a_tanker_only_from_two_thirds_on():
    detections = maker_of({}).detections
    roles = []
    for probability in (0.7, 0.51, 0.2):
        ships = detections.assign(tanker_probability=probability)
        picture = PictureMaker({}, ships, ()).draw(RECORD.scene_id, ship_bounds(*HARBOUR, 120))
        roles += [outline.role for outline in picture.outlines]

    assert roles == ["hull tanker", "hull doubtful", "hull ship"]
