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


def list_scenes(arguments: Iterable[str]) -> list[str]:
    """Sources for `open_scene`, each once, in the order given; the members of a folder or pattern by name.

    A folder stands for the pictures in it (not in its subfolders), a Sentinel-2 product's folder for itself. URLs and
    /vsi paths go through as they are.

    Raises BerthwatchError when a folder holds no picture, a pattern matches nothing, or a file does not exist.
    """
    return list(dict.fromkeys(source for argument in arguments for source in _expand(argument)))


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
        return [source for match in matches for source in _expand(match)]
    raise BerthwatchError(f"{argument}: no such file or folder; check the path")


def _in_folder(folder: Path) -> list[str]:
    if folder.suffix.upper() == ".SAFE" or (folder / "GRANULE").is_dir():
        return [str(folder)]
    pictures = [path for path in sorted(folder.iterdir()) if _is_picture(path)]
    if not pictures:
        raise BerthwatchError(f"{folder}: no picture in this folder; looked for {', '.join(_PICTURES)} and .SAFE")
    return [str(path) for path in pictures]


def _is_picture(path: Path) -> bool:
    if path.name.startswith(".") or _MASK.search(path.stem):
        return False
    return path.suffix.lower() in _PICTURES or bool(_SENTINEL2_PRODUCT.fullmatch(path.name))
