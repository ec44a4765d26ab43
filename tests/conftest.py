"""Fixtures that every room's tests share: the real data folder, and a maker of small georeferenced rasters."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import settings
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform as warp_transform

# How long an example takes is no matter of tests.
settings.register_profile("berthwatch", deadline=None)
settings.load_profile("berthwatch")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real scenes and labels: BERTHWATCH_DATA, or `shared/data` beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BERTHWATCH_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"real scenes are not here ({folder}); set BERTHWATCH_DATA to their folder")
    return folder


RasterWriter = Callable[..., Path]


def _pixel_size(crs: CRS, gsd_m: float, lat: float) -> tuple[float, float]:
    """Size (x, y) of a pixel in CRS units that is about gsd_m metres on the ground at the latitude."""
    cos_lat = float(np.cos(np.radians(lat)))
    if crs.is_geographic:
        return gsd_m / (111_320.0 * cos_lat), gsd_m / 110_574.0
    if crs.to_epsg() == 3857:
        return gsd_m / cos_lat, gsd_m / cos_lat
    return gsd_m, gsd_m


@pytest.fixture
def write_raster(tmp_path: Path) -> RasterWriter:
    """Return `write(pixels, ...) -> Path`: a georeferenced raster from an array (bands, height, width).

    `gsd_m` is ground metres a pixel at `lonlat`, which is where the upper left corner lies; `transform`
    overrides both. Further keywords go to rasterio (driver, nodata, compress, tiled, blockxsize, ...).
    """

    def write(
        pixels: NDArray[np.generic],
        *,
        name: str = "scene.tif",
        crs: str | None = "EPSG:32652",
        gsd_m: float = 3.0,
        lonlat: tuple[float, float] = (133.05, 42.74),
        transform: Affine | None = None,
        tags: dict[str, str] | None = None,
        mask: NDArray[np.generic] | None = None,
        **profile: object,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        count, height, width = pixels.shape
        georeference: dict[str, object] = {}
        if crs is not None:
            parsed = CRS.from_string(crs)
            if transform is None:
                (x,), (y,) = warp_transform(CRS.from_epsg(4326), parsed, [lonlat[0]], [lonlat[1]])
                dx, dy = _pixel_size(parsed, gsd_m, lonlat[1])
                transform = Affine(dx, 0.0, x, 0.0, -dy, y)
            georeference = {"crs": parsed}
        if transform is not None:
            georeference["transform"] = transform
        shape = {"count": count, "height": height, "width": width, "dtype": pixels.dtype}
        options = {"driver": "GTiff", **profile, **shape, **georeference}
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **options) as file:
            file.write(pixels)
            if tags:
                file.update_tags(**tags)
            if mask is not None:
                file.write_mask(mask)
        return path

    return write
