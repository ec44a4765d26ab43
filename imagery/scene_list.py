"""From what stands on a command line (files, folders, patterns, URLs) to one source a scene."""

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import BerthwatchError

_PICTURES = (".tif", ".tiff", ".vrt", ".jp2")
_SENTINEL2_PRODUCT = re.compile(r"S2[A-D]_MSIL(1C|2A)_.*\.(SAFE|zip)", re.IGNORECASE)
# Masks that come beside a picture and are no picture themselves.
_MASK = re.compile(r"(^|_)(udm2?|scl|qa_pixel|cloud_?mask|mask)(_clip)?$", re.IGNORECASE)

# One scene that a provider delivers as several files: its name, and what of it the file holds.
_PRODUCT_FILES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Sentinel-2 band file: T52TGP_20240307T020651_B04_10m
        r"(?:L2A_)?(?P<scene>T\d{2}[A-Z]{3}_\d{8}T\d{6})_(?P<holds>[A-Z0-9]+)(?:_\d{2}m)?",
        # Landsat: LC08_L2SP_112030_20240307_20240316_02_T1_SR_B4
        r"(?P<scene>L[COTEM]0[4-9]_L[12][A-Z]{2}_\d{6}_\d{8}_\d{8}_\d{2}_(?:T1|T2|RT))_(?P<holds>\w+)",
        # PlanetScope: 20240307_015312_45_2489_3B_AnalyticMS_SR; SkySat: 20240307_023015_ssc6_u0001_pansharpened
        r"(?P<scene>\d{8}_\d{6}_\w+?)_3B_(?P<holds>\w+)",
        r"(?P<scene>\d{8}_\d{6}_ssc?\w+_u\d{4})_(?P<holds>\w+)",
    )
)
# Files of a product that are a picture by themselves, the one to take first.
_WHOLE_PICTURES = ("tci", "visual", "ortho_visual", "pansharpened", "ortho_pansharpened", "analytic", "ortho_analytic")


def list_scenes(arguments: Iterable[str]) -> list[str]:
    """Sources for `open_scene`, each once, in the order given; the members of a folder or pattern by name.

    A folder stands for the pictures in it (not in its subfolders), a Sentinel-2 product's folder for itself. Several
    files of one product (bands and TCI, Planet's Visual and AnalyticMS) are one scene: its true-colour picture, else
    the one that holds several bands. Files named outright, URLs and /vsi paths go through as they are.

    Raises BerthwatchError when a folder holds no picture or nothing but single bands of a scene, a pattern matches
    nothing, or a file does not exist.
    """
    found: dict[str, str] = {}
    for source in (source for argument in arguments for source in _expand(argument)):
        found.setdefault(_place(source), source)
    return list(found.values())


def _place(source: str) -> str:
    """What the spellings of one file have in common. A link by another name is not followed: names tell times."""
    path = Path(source)
    return str(path.parent.resolve() / path.name) if path.exists() else source


def _expand(argument: str) -> list[str]:
    path = Path(argument)
    if "://" in argument or argument.startswith("/vsi") or path.is_file():
        return [argument]
    if path.is_dir():
        return _in_folder(path)
    if glob.has_magic(argument):
        # Path.glob takes no absolute pattern.
        matches = [match for match in sorted(glob.glob(argument)) if not _MASK.search(Path(match).stem)]  # noqa: PTH207
        if not matches:
            raise BerthwatchError(f"{argument}: no file matches this pattern")
        folders = [match for match in matches if Path(match).is_dir()]
        files = _one_a_scene([Path(match) for match in matches if match not in folders], argument)
        expanded = {folder: _expand(folder) for folder in folders} | {str(path): [str(path)] for path in files}
        return [source for match in matches for source in expanded.get(match, [])]
    raise BerthwatchError(f"{argument}: no such file or folder; check the path")


def _in_folder(folder: Path) -> list[str]:
    if folder.suffix.upper() == ".SAFE" or (folder / "GRANULE").is_dir():
        return [str(folder)]
    pictures = [path for path in sorted(folder.iterdir()) if _is_picture(path)]
    if not pictures:
        raise BerthwatchError(f"{folder}: no picture in this folder; looked for {', '.join(_PICTURES)} and .SAFE")
    return [str(path) for path in _one_a_scene(pictures, str(folder))]


def _one_a_scene(paths: Iterable[Path], argument: str) -> list[Path]:
    """The paths, of those that are one product's files only the picture to take."""
    scenes: dict[tuple[Path, str], dict[Path, str]] = {}
    for path in paths:
        match = next(filter(None, (pattern.fullmatch(path.stem) for pattern in _PRODUCT_FILES)), None)
        scene, holds = (match["scene"], match["holds"]) if match else (path.name, "")
        scenes.setdefault((path.parent, scene), {})[path] = holds.lower()
    return [_picture_of(scene, files, argument) for (_, scene), files in scenes.items()]


def _picture_of(scene: str, files: dict[Path, str], argument: str) -> Path:
    if len(files) == 1:
        return next(iter(files))
    for kind in _WHOLE_PICTURES:
        if pictures := [path for path, holds in files.items() if holds.startswith(kind)]:
            return min(pictures, key=lambda path: ("_sr" in files[path], path.stem))
    raise BerthwatchError(
        f"{argument}: {', '.join(path.name for path in files)} are parts of one scene, {scene}, and none is a picture "
        "by itself; give --band red=FILE --band green=FILE --band blue=FILE, or the folder of the whole product"
    )


def _is_picture(path: Path) -> bool:
    if path.name.startswith(".") or _MASK.search(path.stem):
        return False
    return path.suffix.lower() in _PICTURES or bool(_SENTINEL2_PRODUCT.fullmatch(path.name))
