"""What SCENE may be on the command line."""

from pathlib import Path

import pytest

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene_list import list_scenes


def touch(*paths: Path) -> list[str]:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [str(path) for path in paths]


def test_a_folder_stands_for_its_pictures_by_name(tmp_path: Path) -> None:
    second, first = touch(tmp_path / "b.tif", tmp_path / "a.TIFF")
    touch(tmp_path / "notes.txt", tmp_path / ".hidden.tif", tmp_path / "sub" / "c.tif")

    assert list_scenes([str(tmp_path)]) == [first, second]


def test_masks_beside_pictures_are_no_scenes(tmp_path: Path) -> None:
    (scene, *_) = touch(
        tmp_path / "20240307_015312_45_2489_3B_AnalyticMS.tif",
        tmp_path / "20240307_015312_45_2489_3B_udm2.tif",
        tmp_path / "20240307_015312_45_2489_3B_udm2_clip.tif",
        tmp_path / "harbour_cloudmask.tif",
    )

    assert list_scenes([str(tmp_path)]) == [scene]
    assert list_scenes([f"{tmp_path}/*.tif"]) == [scene]


def test_a_mask_named_outright_is_taken_at_its_word(tmp_path: Path) -> None:
    (mask,) = touch(tmp_path / "scene_udm2.tif")

    assert list_scenes([mask]) == [mask]


def test_a_sentinel_2_product_is_one_scene(tmp_path: Path) -> None:
    safe = tmp_path / "S2A_MSIL2A_20240307T020651_N0510_R103_T52TGP_20240307T061414.SAFE"
    touch(safe / "GRANULE" / "x" / "IMG_DATA" / "T52TGP_B04.jp2")

    assert list_scenes([str(safe)]) == list_scenes([str(tmp_path)]) == [str(safe)]


SENTINEL_2 = "T52TGP_20240307T020651"
PLANET = "20240307_015312_45_2489_3B"


def test_an_unpacked_folder_of_sentinel_2_bands_is_its_true_colour_picture(tmp_path: Path) -> None:
    folder = tmp_path / "R10m"
    touch(*(folder / f"{SENTINEL_2}_{holds}_10m.jp2" for holds in ("AOT", "B02", "B03", "B04", "B08", "TCI", "WVP")))

    assert list_scenes([str(folder)]) == list_scenes([f"{folder}/*.jp2"]) == [str(folder / f"{SENTINEL_2}_TCI_10m.jp2")]


@pytest.mark.parametrize(
    "names",
    [
        [f"{SENTINEL_2}_{band}_10m.jp2" for band in ("B02", "B03", "B04", "B08")],
        [f"LC08_L2SP_112030_20240307_20240316_02_T1_SR_B{band}.TIF" for band in (2, 3, 4)],
    ],
)
def test_single_bands_alone_are_refused_and_told_how_to_name_them(tmp_path: Path, names: list[str]) -> None:
    touch(*(tmp_path / name for name in names))

    for argument in (str(tmp_path), f"{tmp_path}/*"):
        with pytest.raises(BerthwatchError, match=r"parts of one scene.*--band red=FILE --band green=FILE") as caught:
            list_scenes([argument])
        assert names[0] in str(caught.value)


@pytest.mark.parametrize(
    ("holds", "taken"),
    [
        (["AnalyticMS", "AnalyticMS_SR", "Visual"], "Visual"),
        (["AnalyticMS_SR_clip", "AnalyticMS_clip"], "AnalyticMS_clip"),
        (["AnalyticMS_SR_8b_harmonized_clip"], "AnalyticMS_SR_8b_harmonized_clip"),
    ],
)
def test_planets_assets_of_one_instant_are_one_scene(tmp_path: Path, holds: list[str], taken: str) -> None:
    touch(*(tmp_path / f"{PLANET}_{held}.tif" for held in holds), tmp_path / f"{PLANET}_udm2.tif")
    (other,) = touch(tmp_path / "20240308_015312_45_2489_3B_Visual.tif")

    assert list_scenes([str(tmp_path)]) == [str(tmp_path / f"{PLANET}_{taken}.tif"), other]


def test_files_named_outright_are_all_taken(tmp_path: Path) -> None:
    files = touch(*(tmp_path / f"{PLANET}_{held}.tif" for held in ("Visual", "AnalyticMS")))

    assert list_scenes(files) == files


def test_each_scene_once_in_the_order_given(tmp_path: Path) -> None:
    first, second = touch(tmp_path / "a.tif", tmp_path / "b.tif")

    assert list_scenes([second, str(tmp_path), first]) == [second, first]


def test_a_file_spelled_in_several_ways_is_one_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = touch(tmp_path / "scenes" / "a.tif")
    (tmp_path / "link").symlink_to("scenes")
    (tmp_path / "scenes" / "20240307T020651Z.tif").symlink_to("a.tif")
    monkeypatch.chdir(tmp_path)

    spelled = ["scenes/a.tif", file, "link/a.tif", "scenes/../scenes/a.tif"]

    assert list_scenes([*spelled, "link"]) == ["scenes/a.tif", "link/20240307T020651Z.tif"]


@pytest.mark.parametrize("url", ["https://example.org/scene.tif?k=a*b", "s3://bucket/scene.tif", "/vsizip/a.zip/b.tif"])
def test_addresses_go_through_unread(url: str) -> None:
    assert list_scenes([url]) == [url]


@pytest.mark.parametrize(
    ("argument", "message"),
    [("missing.tif", "no such file"), ("*.nothing", "no file matches"), ("empty", "no picture in this folder")],
)
def test_nothing_found_is_said(argument: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    with pytest.raises(BerthwatchError, match=message):
        list_scenes([argument])
