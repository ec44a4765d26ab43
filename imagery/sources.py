"""From what a user has (a raster, a folder, a STAC item, one file a band) to one raster that GDAL opens."""

import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

from ..errors import BerthwatchError
from .acquired_at import FILE_NAME, Dated, time_beside, time_from_name, time_from_properties
from .band_vrt import stack_bands
from .raster import gdal_name

_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class RasterSource:
    """Where a scene's pixels are, and what its product says beside them."""

    raster: str
    """A path, /vsi path or VRT XML."""
    scene_id: str
    dated: Dated | None = None
    cloud_mask: str | None = None
    band_indexes: tuple[int, int, int] | None = None
    """None: to be found in the raster."""


def find_source(source: str | Path, bands: Mapping[str, str | Path] | None = None) -> RasterSource:
    """Find out what kind of source this is, and the raster, name, time and cloud mask it comes to.

    Raises BerthwatchError when it does not exist or holds no picture.
    """
    text = str(source)
    if bands:
        return _from_bands(text, bands)
    if _is_json(text):
        return _from_stac_item(text)
    if _is_address(text) or text.startswith("<VRTDataset"):
        return _from_raster(text)
    path = Path(text)
    if not path.exists():
        raise BerthwatchError(f"{text}: no such file or folder; check the path")
    if path.is_dir():
        return _from_safe_folder(path)
    if path.suffix.lower() == ".zip":
        return _from_safe_zip(path)
    if re.fullmatch(r"MTD_MSIL(1C|2A)\.xml|manifest\.safe", path.name, re.IGNORECASE):
        return _from_safe_folder(path.parent)
    return _from_raster(text)


def scene_id_from(name: str) -> str:
    """A product's name as a file name: letters, digits, dot, dash and underscore, 100 at the most."""
    stem = re.sub(r"\.(SAFE|zip|tiff?|jp2|vrt|json|img|ntf|png)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:100] or "scene"


def _is_json(text: str) -> bool:
    return text.split("?")[0].lower().endswith((".json", ".geojson"))


def _from_raster(text: str) -> RasterSource:
    if text.startswith("<VRTDataset"):
        return RasterSource(raster=text, scene_id="scene")
    raster = gdal_name(text)
    name = PurePosixPath(text.split("?")[0].replace("\\", "/")).name
    path = Path(text)
    return RasterSource(
        raster=raster,
        scene_id=scene_id_from(name),
        dated=(time_beside(path) if path.is_file() else None) or _by_file_name(name),
        cloud_mask=_udm2_beside(path),
    )


def _by_file_name(name: str) -> Dated | None:
    dated = time_from_name(name)
    return dated and replace(dated, doubt="; ".join(filter(None, (dated.doubt, FILE_NAME))))


def _udm2_beside(path: Path) -> str | None:
    """Planet's usable-data mask of the same scene, in the same folder: SCENE_3B_udm2.tif."""
    if not path.is_file() or "udm2" in path.stem:
        return None
    scene = re.match(r"(\d{8}_\d{6}_\w+?)_3B_", path.name)
    masks = sorted(path.parent.glob(f"{scene.group(1)}_3B_udm2*.tif")) if scene else []
    return str(masks[0]) if masks else None


def _from_bands(source: str, bands: Mapping[str, str | Path]) -> RasterSource:
    """One file a band, or band numbers of one file."""
    if set(bands) == {"pan"}:
        bands = dict.fromkeys(_COLOURS, bands["pan"])
    if set(bands) != set(_COLOURS):
        raise BerthwatchError(
            f"bands given: {', '.join(sorted(bands)) or 'none'}; give red, green and blue, or pan alone"
        )
    values = [str(bands[colour]) for colour in _COLOURS]
    if all(value.isdecimal() for value in values):
        whole = find_source(source)
        red, green, blue = (int(value) for value in values)
        return RasterSource(whole.raster, whole.scene_id, whole.dated, whole.cloud_mask, (red, green, blue))
    for colour, value in zip(_COLOURS, values, strict=True):
        if not _is_address(value) and not Path(value).is_file():
            raise BerthwatchError(f"band {colour}: {value}: no such file; check the path")
    names = [PurePosixPath(value.replace("\\", "/")).name for value in values]
    own_name = PurePosixPath(source.replace("\\", "/")).name if source not in ("", *values) else ""
    return RasterSource(
        raster=stack_bands([gdal_name(value) for value in values]),
        scene_id=scene_id_from(own_name or _name_of_bands(values)),
        dated=next(filter(None, map(_by_file_name, (own_name, *names))), None),
    )


def _name_of_bands(values: Sequence[str]) -> str:
    """The words that the files' names share at both ends; where these hold no date, behind their folder's name.

    T52TGP_20240307T020651_B04.jp2 and T52TGP_20240307T020651_B03.jp2: T52TGP_20240307T020651. 12-March/B04_10m.tif and
    12-March/B03_10m.tif: 12-March_10m, as files of another date may bear the same names.
    """
    paths = [PurePosixPath(value.split("?")[0].replace("\\", "/")) for value in values]
    stems = [path.stem for path in paths]
    shared = stems[0]
    if len(set(stems)) > 1:
        before = re.sub(r"[^_. -]*$", "", _shared_start(stems))
        after = re.sub(r"[^_. -]*$", "", _shared_start([stem[::-1] for stem in stems]))[::-1]
        shared = "_".join(filter(None, (before.strip("_. -"), after.strip("_. -"))))
    if re.search(r"\d{4}[-_.]?\d{2}[-_.]?\d{2}", shared):
        return shared
    folder = paths[0].parent if _is_address(values[0]) else Path(values[0]).parent.resolve()
    return "_".join(filter(None, (folder.name, shared)))


def _shared_start(texts: Sequence[str]) -> str:
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in alike)


def _is_address(text: str) -> bool:
    """Whether only GDAL finds it: a URL, a bucket's key, a /vsi path."""
    return gdal_name(text) != text or text.startswith("/vsi")


# ---- Sentinel-2 products as ESA packs them


def _from_safe_folder(folder: Path) -> RasterSource:
    images = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.jp2"))]
    return _from_safe(str(folder), folder.resolve().name, images, prefix=f"{folder}/")


def _from_safe_zip(path: Path) -> RasterSource:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise BerthwatchError(f"{path}: cannot be read as a zip archive: {error}; fetch it again") from error
    images = [name for name in names if name.endswith(".jp2")]
    if not images and any(name.lower().endswith((".tif", ".tiff")) for name in names):
        raise BerthwatchError(f"{path}: holds pictures packed in a zip; unzip it first, and name the folder with them")
    return _from_safe(str(path), path.name, images, prefix=f"/vsizip/{path.absolute()}/")


def _from_safe(source: str, name: str, images: Iterable[str], *, prefix: str) -> RasterSource:
    """Bands B04, B03, B02 at 10 m, and the scene classification where the product is L2A."""
    images = [image for image in images if "QI_DATA" not in image]

    def only(pattern: str) -> str | None:
        return next((image for image in images if re.search(pattern, image)), None)

    chosen = [only(rf"_{band}(_10m)?\.jp2$") for band in ("B04", "B03", "B02")]
    if any(band is None for band in chosen):
        raise BerthwatchError(
            f"{source}: no Sentinel-2 product here (bands B04, B03 and B02 at 10 m as .jp2 are looked for); "
            "name the picture's own file, or give --band red=FILE --band green=FILE --band blue=FILE"
        )
    granules = {match.group(0) for image in images if (match := re.search(r"GRANULE/[^/]+", image))}
    if len(granules) > 1:
        raise BerthwatchError(
            f"{source}: holds {len(granules)} granules; name one of them: {', '.join(sorted(granules))}"
        )
    classification = only(r"_SCL(_20m)?\.jp2$")
    return RasterSource(
        # Zero is no data in every Sentinel-2 product, but the JP2 files do not say so.
        raster=stack_bands([f"{prefix}{band}" for band in chosen], nodata=0),
        scene_id=scene_id_from(name),
        dated=time_from_name(name, "product name")
        or time_from_name(PurePosixPath(str(chosen[0])).name, "name of the band file"),
        cloud_mask=f"{prefix}{classification}" if classification else None,
    )


# ---- STAC items


def _from_stac_item(text: str) -> RasterSource:
    item = _load_json(text)
    if not isinstance(item, dict) or item.get("type") != "Feature" or not isinstance(item.get("assets"), dict):
        kind = item.get("type", "unknown") if isinstance(item, dict) else type(item).__name__
        raise BerthwatchError(f"{text}: is no STAC item (its type is {kind}); give the JSON of one item")
    assets: dict[str, dict[str, object]] = item["assets"]
    properties = item.get("properties") or {}

    def href(key: str) -> str:
        return gdal_name(_resolve(str(assets[key].get("href", "")), text))

    common = {
        "scene_id": scene_id_from(str(item.get("id") or PurePosixPath(text).stem)),
        "dated": time_from_properties(properties, "STAC item") or time_from_name(str(item.get("id", "")), "STAC id"),
        "cloud_mask": next((href(key) for key in ("scl", "SCL", "udm2", "qa_pixel", "cloud") if key in assets), None),
    }
    colours = {colour: key for key in assets for colour in _asset_colours(key, assets[key])}
    single = [colours.get(colour) for colour in _COLOURS]
    if all(single) and len(set(single)) == 3:
        return RasterSource(raster=stack_bands([href(str(key)) for key in single]), **common)
    for key in (
        "visual",
        "data",
        "image",
        "analytic",
        "ortho_visual",
        "ortho_analytic",
        "pansharpened",
        "pan",
    ):
        if key in assets:
            return RasterSource(raster=href(key), **common)
    rasters = [
        key for key, asset in assets.items() if "tiff" in str(asset.get("type")) or "jp2" in str(asset.get("type"))
    ]
    if len(rasters) == 1:
        return RasterSource(raster=href(rasters[0]), **common)
    raise BerthwatchError(
        f"{text}: none of its assets ({', '.join(assets) or 'none'}) is known as the picture; "
        "give the picture's own file or URL"
    )


def _asset_colours(key: str, asset: Mapping[str, object]) -> list[str]:
    """Colours that an asset of one band is."""
    described = asset.get("bands") or asset.get("eo:bands") or []
    if isinstance(described, list) and len(described) == 1 and isinstance(described[0], dict):
        name = described[0].get("eo:common_name") or described[0].get("common_name")
        return [str(name)] if name in _COLOURS else []
    by_key = {"red": "red", "b04": "red", "green": "green", "b03": "green", "blue": "blue", "b02": "blue"}
    return [by_key[key.lower()]] if key.lower() in by_key else []


def _resolve(href: str, item: str) -> str:
    if re.match(r"[a-z0-9]+://", href) or href.startswith("/"):
        return href.removeprefix("file://")
    if re.match(r"https?://", item):
        return urljoin(item, href)
    if "://" in item:
        return f"{item.rsplit('/', 1)[0]}/{href.removeprefix('./')}"
    return str(Path(item).parent / href)


def _load_json(text: str) -> object:
    try:
        if text.startswith(("http://", "https://")):
            with urllib.request.urlopen(text, timeout=60) as answer:  # the scheme is checked
                return json.load(answer)
        if "://" in text:
            raise BerthwatchError(f"{text}: a STAC item is read from a file or over http; copy it here first")
        return json.loads(Path(text).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BerthwatchError(f"{text}: no such file; check the path") from None
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise BerthwatchError(f"{text}: cannot be read as JSON: {error}") from error
