"""Pictures of datasets, georeferenced or not, opened the way scenes are."""

import math
import warnings
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

from ...errors import BerthwatchError
from ...imagery.band_order import rgb_band_indexes
from ...imagery.raster import open_raster
from ...imagery.scene import Scene, open_scene

# A CRS of no place; an empty one would do, but for worker processes: it cannot be pickled.
_NOWHERE = CRS.from_wkt('LOCAL_CS["pixels of a picture",UNIT["pixel",1]]')


def is_georeferenced(scene: Scene) -> bool:
    """Whether a picture has a place on the ground."""
    return scene.transform != Affine.identity()


def open_picture(path: Path) -> Scene:
    """A picture's header. Without a georeference the scene's CRS is of no place and its GSD is nan.

    So a crop of unknown place is read, stretched and tiled by the same code as a satellite scene.

    Raises:
        BerthwatchError: not a picture that can be shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_raster(str(path)) as dataset:
            if dataset.crs and dataset.transform != Affine.identity():
                return open_scene(path)
            if np.dtype(dataset.dtypes[0]).kind not in "uif":
                raise BerthwatchError(f"{path}: pixels of type {dataset.dtypes[0]} cannot be shown as a picture")
            return Scene(
                scene_id=path.stem,
                source=str(path),
                acquired_at=None,
                crs=_NOWHERE,
                transform=Affine.identity(),
                width=dataset.width,
                height=dataset.height,
                gsd_m=math.nan,
                gsd_x_m=math.nan,
                gsd_y_m=math.nan,
                band_indexes=rgb_band_indexes(dataset, str(path)),
                dtype=dataset.dtypes[0],
                cloud_mask=None,
            )
