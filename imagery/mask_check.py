"""Whether a file that a user gives as a cloud mask is one: a photograph taken for it would blind the search."""

from pathlib import PurePosixPath

import numpy as np
from rasterio.enums import ColorInterp

from ..errors import BerthwatchError
from .raster import open_raster

UDM2_BANDS = 8
# Sentinel-2 classes are 12, Planet's UDM bits make a few; a picture, or cloud in percent, has more than any mask.
_MOST_VALUES = 32
_MOST_ROWS = 512  # looked at: enough to tell

_EXPECTED = "a cloud mask has one band, nonzero where the scene is obscured, or is a file named SCL, UDM2 or QA_PIXEL"


def file_name(source: str) -> str:
    """The name of a mask's file, which says what its values mean; a folder of it may be called anything."""
    return PurePosixPath(source.split("?")[0].replace("\\", "/")).name


def check_cloud_mask(source: str) -> None:
    """See that a raster can be a cloud mask: one band of few values, or UDM2's eight.

    Raises BerthwatchError when it cannot be read, has more bands, or more values than masks have.
    """
    name = file_name(source).lower()
    with open_raster(source) as mask:
        bands = sum(kind is not ColorInterp.alpha for kind in mask.colorinterp)
        if "udm2" in name and bands == UDM2_BANDS:
            return
        if bands > 1:
            raise BerthwatchError(f"cloud mask {source}: has {bands} bands, like a picture; {_EXPECTED}")
        shape = min(mask.height, _MOST_ROWS), min(mask.width, _MOST_ROWS)
        values = len(np.unique(mask.read(1, out_shape=shape)))
    if values > _MOST_VALUES and "qa_pixel" not in name:  # bits: their sums are many
        raise BerthwatchError(f"cloud mask {source}: has {values} different values, like a picture; {_EXPECTED}")
