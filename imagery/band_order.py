"""Which bands of a file are red, green and blue."""

import logging
import re
from collections.abc import Sequence

from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from ..errors import BerthwatchError

log = logging.getLogger(__name__)

_COLOURS = ("red", "green", "blue")
_BAND_NAMES = {
    "red": re.compile(r"^(red|r|b0?4|b4.*red.*)$", re.IGNORECASE),
    "green": re.compile(r"^(green|g|b0?3|b3.*green.*)$", re.IGNORECASE),
    "blue": re.compile(r"^(blue|b|b0?2|b2.*blue.*)$", re.IGNORECASE),
}
# Multispectral products that name no bands, by their band count, as (red, green, blue):
# Planet, SkySat and Maxar four-band files are blue, green, red, near infrared;
_FOUR_BANDS = (3, 2, 1)
# PlanetScope SuperDove: coastal, blue, green I, green, yellow, red, red edge, near infrared;
_SUPERDOVE = (6, 4, 2)
# WorldView: coastal, blue, green, yellow, red, red edge, near infrared 1 and 2.
_WORLDVIEW = (5, 3, 2)


def rgb_band_indexes(dataset: DatasetReader, name: str) -> tuple[int, int, int]:
    """1-based numbers of the red, green and blue bands; a panchromatic band comes thrice.

    Told by the file's colour interpretation, else by its band names, else by the usual order of such products,
    which is logged. Raises BerthwatchError for a file with a colour table.
    """
    interpretation = list(dataset.colorinterp)
    if ColorInterp.palette in interpretation:
        raise BerthwatchError(
            f"{name}: its pixels are numbers of a colour table; expand them first: gdal_translate -expand rgb IN OUT"
        )
    by_colour = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    if all(colour in interpretation for colour in by_colour):
        return _triple([interpretation.index(colour) + 1 for colour in by_colour])
    if named := _by_names([text or "" for text in dataset.descriptions]):
        return named
    colour_bands = [i + 1 for i, kind in enumerate(interpretation) if kind is not ColorInterp.alpha]
    return _usual_order(colour_bands, dataset.dtypes[0], name)


def _by_names(descriptions: Sequence[str]) -> tuple[int, int, int] | None:
    found = []
    for colour in _COLOURS:
        matches = [i + 1 for i, text in enumerate(descriptions) if _BAND_NAMES[colour].match(text.strip())]
        if len(matches) != 1:
            return None
        found.append(matches[0])
    return _triple(found)


def _usual_order(bands: Sequence[int], dtype: str, name: str) -> tuple[int, int, int]:
    if len(bands) <= 2:
        return (bands[0], bands[0], bands[0])
    if len(bands) == 3:
        return _triple(bands)
    if len(bands) == 8:
        chosen = _WORLDVIEW if re.search(r"WV0|WV[23]|-M\dA", name, re.IGNORECASE) else _SUPERDOVE
    elif len(bands) == 4 and dtype != "uint8":
        chosen = _FOUR_BANDS
    else:
        chosen = (1, 2, 3)
    log.warning(
        "%s: its %d bands have no names; taking bands %d, %d, %d as red, green, blue. "
        "If that is wrong: --band red=N --band green=N --band blue=N",
        name, len(bands), *chosen,
    )  # fmt: skip
    return chosen


def _triple(indexes: Sequence[int]) -> tuple[int, int, int]:
    red, green, blue = indexes
    return red, green, blue
