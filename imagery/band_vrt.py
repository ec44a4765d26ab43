"""Three files, a band each, as one raster: a VRT built in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from affine import Affine
from rasterio.crs import CRS

from ..errors import BerthwatchError
from .raster import absolute_name, open_raster

_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


@dataclass(frozen=True)
class _BandFile:
    raster: str
    crs: CRS | None
    transform: Affine
    width: int
    height: int
    dtype: str
    nodata: float | None

    @classmethod
    def of(cls, raster: str) -> "_BandFile":
        with open_raster(raster) as dataset:
            grid = dataset.crs, dataset.transform, dataset.width, dataset.height
            return cls(raster, *grid, dataset.dtypes[0], dataset.nodata)


def stack_bands(rasters: Sequence[str], *, nodata: float | None = None) -> str:
    """XML of a VRT whose bands are the first bands of `rasters` (red, green, blue).

    `nodata` is for files that do not state theirs. Raises BerthwatchError when the files do not lie on one grid.
    """
    files = [_BandFile.of(raster) for raster in rasters]
    first = files[0]
    for file in files:
        _check_same_grid(file, first)
    crs, transform = first.crs, first.transform
    nodata = first.nodata if first.nodata is not None else nodata
    return "".join(
        [
            f'<VRTDataset rasterXSize="{first.width}" rasterYSize="{first.height}">',
            f"<SRS>{escape(crs.to_wkt())}</SRS>" if crs else "",
            f"<GeoTransform>{', '.join(repr(value) for value in transform.to_gdal())}</GeoTransform>",
            *(
                _band(number, colour, file, nodata)
                for number, (colour, file) in enumerate(zip(("Red", "Green", "Blue"), files, strict=True), 1)
            ),
            "</VRTDataset>",
        ]
    )


def _band(number: int, colour: str, file: _BandFile, nodata: float | None) -> str:
    return (
        f'<VRTRasterBand dataType="{_GDAL_TYPES[file.dtype]}" band="{number}">'
        f"<ColorInterp>{colour}</ColorInterp>"
        + (f"<NoDataValue>{nodata!r}</NoDataValue>" if nodata is not None else "")
        + f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(absolute_name(file.raster))}</SourceFilename>'
        + "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )


def _check_same_grid(file: _BandFile, first: _BandFile) -> None:
    if file.dtype not in _GDAL_TYPES:
        raise BerthwatchError(f"{file.raster}: pixels of type {file.dtype} cannot be shown as a picture")
    if (file.width, file.height) != (first.width, first.height):
        raise BerthwatchError(
            f"{file.raster}: {file.width} x {file.height} pixels, but {first.raster} has "
            f"{first.width} x {first.height}; give bands of one resolution and extent"
        )
    if file.crs != first.crs or not file.transform.almost_equals(first.transform, precision=1e-6):
        raise BerthwatchError(
            f"{file.raster}: lies on another grid ({file.crs}, {tuple(file.transform)[:6]}) than {first.raster} "
            f"({first.crs}, {tuple(first.transform)[:6]}); warp one onto the other's grid with gdalwarp"
        )
