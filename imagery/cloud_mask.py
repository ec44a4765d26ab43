"""Cloud masks that come with a scene: which cells they obscure."""

import re
from typing import Any

import numpy as np
import rasterio.transform
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from ..errors import BerthwatchError
from .cells import Cells
from .mask_check import UDM2_BANDS, file_name
from .raster import gdal_name, open_raster
from .scene import Scene

# Sentinel-2 scene classification: no data, saturated or defective, medium and high cloud probability, thin cirrus.
# Cloud shadow (3) stays observed: ships in it are seen, and over dark water the class is often wrong.
_SCL_OBSCURED = (0, 1, 8, 9, 10)
# Planet UDM2 bands: clear, snow, shadow, light haze, heavy haze, cloud, confidence, unusable.
_UDM2_HEAVY_HAZE, _UDM2_CLOUD, _UDM2_UNUSABLE = 5, 6, 8
# Landsat QA_PIXEL bits: fill, dilated cloud, cirrus, cloud.
_QA_PIXEL_OBSCURED = 0b1111


def read_cloud_mask(scene: Scene, cells: Cells) -> NDArray[np.bool_]:
    """Cells (height, width) that the scene's cloud mask calls obscured, whatever grid and CRS the mask is on.

    Outside the mask all is, for nothing is known of it. Raises BerthwatchError when the mask cannot be read, or shows
    nothing of the scene.
    """
    name = gdal_name(str(scene.cloud_mask))
    height, width = cells.valid.shape
    with open_raster(name) as mask:
        on_cells = {
            "crs": scene.crs,
            "transform": scene.transform
            @ Affine.scale(cells.scale_x, cells.scale_y)
            @ Affine.translation(cells.left, cells.top),
            "width": width,
            "height": height,
        }
        with WarpedVRT(mask, src_crs=mask.crs or scene.crs, resampling=Resampling.nearest, **on_cells) as warped:
            bands = warped.read()
        outline = _outline(mask, scene)
    if not shapely.intersects(outline, shapely.box(0, 0, scene.width, scene.height)):
        raise BerthwatchError(f"{name}: shows nothing of scene {scene.scene_id}; give the mask that came with it")
    x, y = (
        (cells.left + np.arange(width) + 0.5) * cells.scale_x,
        (cells.top + np.arange(height) + 0.5) * cells.scale_y,
    )
    obscured = _obscured(bands, name) | ~shapely.contains_xy(outline, *np.meshgrid(x, y))
    # Of 58 cells of 31.5 m over 1800 m the last has its middle beyond the scene, where no mask is: it is as the 57th.
    last_row = int(scene.height / cells.scale_y - cells.top - 0.5)
    last_column = int(scene.width / cells.scale_x - cells.left - 0.5)
    rows, columns = np.minimum(np.arange(height), max(last_row, 0)), np.minimum(np.arange(width), max(last_column, 0))
    return obscured[np.ix_(rows, columns)]


def _outline(mask: DatasetReader, scene: Scene) -> shapely.Polygon:
    """The mask's extent in the scene's pixels, half a pixel of its own beyond; empty where the scene's CRS has none."""
    side = max(mask.width, mask.height) / 16
    box = shapely.segmentize(shapely.box(-0.5, -0.5, mask.width + 0.5, mask.height + 0.5), side)
    columns, rows = shapely.get_coordinates(box).T
    places = rasterio.transform.xy(mask.transform, rows, columns, offset="ul")
    lonlat = Transformer.from_crs(mask.crs or scene.crs, "EPSG:4326", always_xy=True).transform(*places)
    corners = scene.from_lonlat(np.column_stack(lonlat))
    outline = shapely.Polygon(corners if np.isfinite(corners).all() else None)
    shapely.prepare(outline)
    return outline


def _obscured(bands: NDArray[Any], source: str) -> NDArray[np.bool_]:
    name = file_name(source)
    if re.search(r"(^|[^a-z])scl([^a-z]|$)", name, re.IGNORECASE):
        return np.isin(bands[0], _SCL_OBSCURED)
    if "udm2" in name.lower() and len(bands) >= UDM2_BANDS:
        heavy_haze, cloud = bands[_UDM2_HEAVY_HAZE - 1], bands[_UDM2_CLOUD - 1]
        return (heavy_haze > 0) | (cloud > 0) | (bands[_UDM2_UNUSABLE - 1] > 0)
    if "qa_pixel" in name.lower():
        return (bands[0].astype(np.uint32) & _QA_PIXEL_OBSCURED) > 0
    return bands[0] != 0
