"""What a user has: one file a band, Sentinel-2 products, STAC items, URLs; each comes to one scene."""

import functools
import http.server
import json
import re
import shutil
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.preview import read_preview
from berthwatch.imagery.radiometry import Stretch
from berthwatch.imagery.raster import display_name, gdal_name
from berthwatch.imagery.scene import open_scene
from berthwatch.imagery.sources import scene_id_from
from berthwatch.imagery.tiles import TileGrid, read_tiles

PRODUCT = "S2A_MSIL2A_20240307T020651_N0510_R103_T52TGP_20240307T061414"
GRANULE = "GRANULE/L2A_T52TGP_A045500_20240307T020937"
STEM = "T52TGP_20240307T020651"
AS_IT_IS = Stretch.identity()


def colours(height: int = 48, width: int = 64, dtype: type = np.uint8) -> dict[str, np.ndarray]:
    """Three bands that cannot be mistaken for one another."""
    rows, cols = np.mgrid[:height, :width]
    return {
        "red": (rows + 1).astype(dtype),
        "green": (cols + 60).astype(dtype),
        "blue": (rows + cols + 130).astype(dtype),
    }


@pytest.fixture
def band_files(write_raster) -> dict[str, Path]:
    return {colour: write_raster(band[None], name=f"{colour}.tif") for colour, band in colours().items()}


def assert_shows_the_colours(scene, *, like: dict[str, np.ndarray] | None = None) -> None:
    like = like or colours()
    picture = read_preview(scene, stretch=AS_IT_IS).rgb
    for channel, colour in enumerate(("red", "green", "blue")):
        assert (picture[..., channel] == like[colour]).all(), colour


# ---- one file a band


def test_one_file_a_band_makes_a_scene(band_files):
    scene = open_scene("Nakhodka bay 7/3", bands=band_files, acquired_at=datetime(2024, 3, 7, 2, tzinfo=UTC))

    assert scene.scene_id == "3"  # the last part of what could be a path
    assert (scene.width, scene.height, scene.gsd_m) == (64, 48, pytest.approx(3.0, rel=1e-3))
    assert_shows_the_colours(scene)


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ("2024-03-12/B04.tif 2024-03-12/B03.tif 2024-03-12/B02.tif", "2024-03-12"),
        ("a/red.tif a/green.tif a/blue.tif", "a"),
        ("a/port_B04_10m.tif a/port_B03_10m.tif a/port_B02_10m.tif", "a_port_10m"),
        ("R10m/T52TGP_20240307T020651_B04.tif R10m/T52TGP_20240307T020651_B03.tif R10m/T52TGP_20240307T020651_B02.tif",
         "T52TGP_20240307T020651"),
        ("a/B4_2024-03-07.tif a/B3_2024-03-07.tif a/B2_2024-03-07.tif", "2024-03-07"),
        ("red/20240307.tif green/20240307.tif blue/20240307.tif", "20240307"),
    ],
)  # fmt: skip
def test_a_scene_of_bands_is_called_what_its_files_share(write_raster, files, name):
    bands = {c: write_raster(b[None], name=file) for (c, b), file in zip(colours().items(), files.split(), strict=True)}

    assert open_scene(bands["red"], bands=bands).scene_id == name


def test_bands_called_alike_in_two_folders_are_two_scenes(write_raster, tmp_path, monkeypatch):
    names = []
    for day in ("7 March", "12 March"):
        bands = {c: write_raster(b[None], name=f"{day}/{c}.tif").name for c, b in colours().items()}
        monkeypatch.chdir(tmp_path / day)  # the folder counts though it is not named
        names.append(open_scene(bands["red"], bands=bands).scene_id)

    assert names == ["7-March", "12-March"]


def test_separate_bands_give_tiles_too(band_files):
    grid = TileGrid.plan(open_scene("port", bands=band_files), gsd_m=3.0, tile_px=64, overlap_m=60)

    ((_, pixels),) = read_tiles(grid, AS_IT_IS, batch_size=4)

    assert (pixels[0, :48, :, 0] == colours()["red"]).all()
    assert (pixels[0, :48, :, 2] == colours()["blue"]).all()


def test_a_panchromatic_file_is_all_three_colours(band_files):
    picture = read_preview(open_scene("pan", bands={"pan": band_files["green"]}), stretch=AS_IT_IS).rgb
    assert (picture == colours()["green"][..., None]).all()


def test_missing_and_unknown_colours_are_named(band_files):
    with pytest.raises(BerthwatchError, match=r"bands given: nir, red; give red, green and blue, or pan alone"):
        open_scene("port", bands={"red": band_files["red"], "nir": band_files["green"]})


def test_a_missing_band_file_is_named(band_files, tmp_path):
    with pytest.raises(BerthwatchError, match=r"band blue: .*absent\.tif: no such file"):
        open_scene("port", bands=band_files | {"blue": tmp_path / "absent.tif"})


def test_bands_of_another_size_are_refused(band_files, write_raster):
    half = write_raster(np.ones((1, 24, 32), np.uint8), name="half.tif", gsd_m=6.0)
    with pytest.raises(BerthwatchError, match=r"half\.tif: 32 x 24 pixels, but .*red\.tif has 64 x 48"):
        open_scene("port", bands=band_files | {"blue": half})


@pytest.mark.parametrize("moved", [{"lonlat": (133.06, 42.74)}, {"crs": "EPSG:3857"}])
def test_bands_of_another_place_are_refused(band_files, write_raster, moved):
    other = write_raster(np.ones((1, 48, 64), np.uint8), name="other.tif", **moved)
    with pytest.raises(BerthwatchError, match=r"other\.tif: lies on another grid .*gdalwarp"):
        open_scene("port", bands=band_files | {"green": other})


def test_a_path_with_marks_of_xml_is_no_trouble(write_raster):
    bands = {c: write_raster(b[None], name=f"a & b <{c}>.tif") for c, b in colours().items()}
    assert_shows_the_colours(open_scene("port", bands=bands))


# ---- Sentinel-2 products


@pytest.fixture
def safe(write_raster, tmp_path) -> Path:
    """A product as ESA packs it, small: 10 m bands, the scene classification at 20 m, a true-colour picture beside."""
    folder = f"{PRODUCT}.SAFE/{GRANULE}"
    lossless = {"driver": "JP2OpenJPEG", "quality": "100", "reversible": "yes", "gsd_m": 10.0}
    for band, colour in (("B02", "blue"), ("B03", "green"), ("B04", "red"), ("B08", "red")):
        values = colours(dtype=np.uint16)[colour]
        values[:, :8] = 0  # off the swath
        write_raster(values[None], name=f"{folder}/IMG_DATA/R10m/{STEM}_{band}_10m.jp2", **lossless)
    write_raster(np.ones((3, 48, 64), np.uint8), name=f"{folder}/IMG_DATA/R10m/{STEM}_TCI_10m.jp2", **lossless)
    write_raster(np.ones((1, 24, 32), np.uint16), name=f"{folder}/IMG_DATA/R20m/{STEM}_B04_20m.jp2", **lossless)
    classes = np.full((1, 24, 32), 6, np.uint8)
    classes[:, :12] = 9
    write_raster(classes, name=f"{folder}/IMG_DATA/R20m/{STEM}_SCL_20m.jp2", **(lossless | {"gsd_m": 20.0}))
    write_raster(np.ones((1, 24, 32), np.uint8), name=f"{folder}/QI_DATA/MSK_CLASSI_B00.jp2", **lossless)
    (tmp_path / f"{PRODUCT}.SAFE/MTD_MSIL2A.xml").write_text("<xml/>")
    return tmp_path / f"{PRODUCT}.SAFE"


def assert_is_the_product(scene) -> None:
    assert scene.scene_id == PRODUCT
    assert scene.acquired_at == datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)
    assert (scene.width, scene.height, scene.dtype) == (64, 48, "uint16")
    assert scene.gsd_m == pytest.approx(10.0, rel=2e-3)
    assert scene.cloud_mask is not None
    assert scene.cloud_mask.endswith("_SCL_20m.jp2")
    picture = read_preview(scene, stretch=AS_IT_IS).rgb
    assert (picture[:, 8:, 0] == colours()["red"][:, 8:]).all()
    assert (picture[:, 8:, 2] == colours()["blue"][:, 8:]).all()
    assert not picture[:, :8].any()


def test_a_safe_folder(safe):
    assert_is_the_product(open_scene(safe))


def test_a_safe_folder_by_its_metadata_file(safe):
    assert_is_the_product(open_scene(safe / "MTD_MSIL2A.xml"))


def test_a_safe_folder_zipped_as_it_is_downloaded(safe):
    archive = shutil.make_archive(str(safe.with_suffix("")), "zip", safe.parent, safe.name)
    shutil.rmtree(safe)

    assert_is_the_product(open_scene(archive))


def test_level_1c_has_no_classification(safe):
    for band in ("B02", "B03", "B04"):
        source = safe / GRANULE / f"IMG_DATA/R10m/{STEM}_{band}_10m.jp2"
        source.rename(safe / GRANULE / f"IMG_DATA/{STEM}_{band}.jp2")
    for resolution in ("R10m", "R20m"):
        shutil.rmtree(safe / GRANULE / "IMG_DATA" / resolution)

    assert open_scene(safe).cloud_mask is None


def test_a_folder_without_a_product_says_what_was_looked_for(tmp_path):
    with pytest.raises(BerthwatchError, match=r"no Sentinel-2 product here .*B04, B03 and B02.*--band red=FILE"):
        open_scene(tmp_path)


def test_a_zip_that_is_none(tmp_path):
    path = tmp_path / "broken.zip"
    path.write_bytes(b"PK and no more")
    with pytest.raises(BerthwatchError, match=r"broken\.zip: cannot be read as a zip archive"):
        open_scene(path)


def test_an_order_of_pictures_is_to_be_unzipped(tmp_path):
    with zipfile.ZipFile(tmp_path / "order.zip", "w") as order:
        order.writestr("PSScene/20240307_015312_45_2489_3B_Visual.tif", b"")
    with pytest.raises(BerthwatchError, match=r"order\.zip: holds pictures packed in a zip; unzip it first"):
        open_scene(tmp_path / "order.zip")


# ---- STAC items


def item(assets: dict, **properties: object) -> dict:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "S2A_52TGP_20240307_0_L2A",
        "properties": {"datetime": "2024-03-07T02:09:32.123Z", **properties},
        "assets": assets,
    }


def write_item(folder: Path, content: object) -> Path:
    path = folder / "item.json"
    path.write_text(json.dumps(content))
    return path


def test_an_item_with_one_asset_a_band(band_files, tmp_path, write_raster):
    write_raster(np.zeros((1, 48, 64), np.uint8), name="SCL.tif")
    assets = {colour: {"href": f"./{colour}.tif"} for colour in band_files} | {"scl": {"href": "SCL.tif"}}

    scene = open_scene(write_item(tmp_path, item(assets)))

    assert scene.scene_id == "S2A_52TGP_20240307_0_L2A"
    assert scene.acquired_at == datetime(2024, 3, 7, 2, 9, 32, 123000, tzinfo=UTC)
    assert scene.cloud_mask == str(tmp_path / "SCL.tif")
    assert_shows_the_colours(scene)


@pytest.mark.parametrize(
    "describe",
    [
        lambda colour: {"eo:bands": [{"name": "B?", "common_name": colour}]},
        lambda colour: {"bands": [{"name": "B?", "eo:common_name": colour}]},
    ],
    ids=["eo 1.0", "eo 2.0"],
)
def test_an_items_assets_are_told_by_common_name(band_files, tmp_path, describe):
    assets = {f"asset-{i}": {"href": str(path), **describe(c)} for i, (c, path) in enumerate(band_files.items())}
    assert_shows_the_colours(open_scene(write_item(tmp_path, item(assets))))


def test_an_item_with_one_picture(tmp_path, write_raster):
    write_raster(np.stack(list(colours().values())), name="visual.tif")
    assets = {"thumbnail": {"href": "t.png", "type": "image/png"}, "visual": {"href": "visual.tif"}}
    assert_shows_the_colours(open_scene(write_item(tmp_path, item(assets))))


def test_an_item_without_a_picture_lists_its_assets(tmp_path):
    with pytest.raises(BerthwatchError, match=r"none of its assets \(metadata, thumbnail\) is known as the picture"):
        open_scene(write_item(tmp_path, item({"metadata": {"href": "m.xml"}, "thumbnail": {"href": "t.png"}})))


@pytest.mark.parametrize("content", [{"type": "FeatureCollection", "features": []}, {"type": "Catalog"}, [1, 2], 3])
def test_json_that_is_no_item(tmp_path, content):
    with pytest.raises(BerthwatchError, match="is no STAC item"):
        open_scene(write_item(tmp_path, content))


def test_a_file_that_is_no_json(tmp_path):
    path = tmp_path / "item.json"
    path.write_text("{half")
    with pytest.raises(BerthwatchError, match=r"item\.json: cannot be read as JSON"):
        open_scene(path)


# ---- over the network


class _RangeHandler(http.server.SimpleHTTPRequestHandler):
    """Files by range, as object stores serve them."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(wanted[1]), int(wanted[2] or len(content) - 1) + 1) if wanted else (0, len(content))
        part = content[start:end]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(part)))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(part)


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Address at which tmp_path is served by this machine to itself."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    handler = functools.partial(_RangeHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_cog_is_read_over_http(address, write_raster):
    write_raster(np.stack(list(colours().values())), name=f"{STEM}.tif", driver="COG")

    scene = open_scene(f"{address}/{STEM}.tif")

    assert scene.scene_id == STEM
    assert scene.acquired_at == datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)
    assert_shows_the_colours(scene)


def test_an_item_is_read_over_http_with_its_bands(address, band_files, tmp_path):
    write_item(tmp_path, item({colour: {"href": f"./{colour}.tif"} for colour in band_files}))
    assert_shows_the_colours(open_scene(f"{address}/item.json"))


@pytest.mark.parametrize("name", ["absent.tif", "absent.json"])
def test_what_the_server_lacks_is_one_line(address, name):
    with pytest.raises(BerthwatchError, match=name) as caught:
        open_scene(f"{address}/{name}")
    assert "\n" not in str(caught.value)
    assert "/vsi" not in str(caught.value)


@pytest.mark.parametrize("source", ["https://example.org/a.tif", "s3://bucket/a.tif", "gs://bucket/a.tif", "a.tif"])
def test_messages_name_a_source_as_its_user_does(source):
    assert display_name(gdal_name(source)) == source


# ---- names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S2A_MSIL2A_20240307T020651.SAFE", "S2A_MSIL2A_20240307T020651"),
        ("bay of Nakhodka (7 March).tif", "bay-of-Nakhodka-7-March"),
        ("../../etc/passwd", "etc-passwd"),
        ("Восточный.tif", "scene"),
        ("x" * 300, "x" * 100),
    ],
)
def test_scene_ids_are_safe_file_names(name, expected):
    assert scene_id_from(name) == expected


def test_planets_usable_data_mask_is_found_beside_its_scene(write_raster):
    mask = write_raster(np.zeros((8, 8, 8), np.uint8), name="20240307_015312_45_2489_3B_udm2.tif")
    write_raster(np.zeros((8, 8, 8), np.uint8), name="20240307_015314_45_2489_3B_udm2.tif")

    scene = open_scene(write_raster(np.ones((3, 8, 8), np.uint8), name="20240307_015312_45_2489_3B_Visual.tif"))

    assert scene.cloud_mask == str(mask)
    assert rasterio.open(mask).count == 8
