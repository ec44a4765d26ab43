"""Three files, a band each, as one raster: a VRT built in memory."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from ..errors import BerthwatchError
from .raster import open_raster

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


def stack_bands(rasters: Sequence[str], *, nodata: float | None = None) -> str:
    """XML of a VRT whose bands are the first bands of `rasters` (red, green, blue).

    `nodata` is for files that do not state theirs. Raises BerthwatchError when the files do not lie on one grid.
    """
    grids = []
    for raster in rasters:
        with open_raster(raster) as dataset:
            grids.append((dataset.crs, dataset.transform, dataset.width, dataset.height))
            data_type, own_nodata = dataset.dtypes[0], dataset.nodata
    for raster, grid in zip(rasters, grids, strict=True):
        _check_same_grid(raster, grid, rasters[0], grids[0])
    crs, transform, width, height = grids[0]
    nodata = own_nodata if own_nodata is not None else nodata
    if data_type not in _GDAL_TYPES:
        raise BerthwatchError(f"{rasters[-1]}: pixels of type {data_type} cannot be shown as a picture")
    return "".join(
        [
            f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">',
            f"<SRS>{escape(crs.to_wkt())}</SRS>" if crs else "",
            f"<GeoTransform>{', '.join(repr(value) for value in transform.to_gdal())}</GeoTransform>",
            *(
                _band(number, colour, raster, _GDAL_TYPES[data_type], nodata)
                for number, (colour, raster) in enumerate(
                    zip(("Red", "Green", "Blue"), rasters, strict=True), 1
                )
            ),
            "</VRTDataset>",
        ]
    )


def _band(number: int, colour: str, raster: str, data_type: str, nodata: float | None) -> str:
    return (
        f'<VRTRasterBand dataType="{data_type}" band="{number}">'
        f"<ColorInterp>{colour}</ColorInterp>"
        + (f"<NoDataValue>{nodata!r}</NoDataValue>" if nodata is not None else "")
        + '<SimpleSource><SourceFilename relativeToVRT="0">'
        + f"{escape(raster)}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )


def _check_same_grid(raster: str, grid: tuple, first_raster: str, first: tuple) -> None:
    crs, transform, width, height = grid
    if (width, height) != first[2:]:
        raise BerthwatchError(
            f"{raster}: {width} x {height} pixels, but {first_raster} has {first[2]} x {first[3]}; "
            "give bands of one resolution and extent"
        )
    if crs != first[0] or not transform.almost_equals(first[1], precision=1e-6):
        raise BerthwatchError(
            f"{raster}: lies on another grid than {first_raster} ({crs}, {tuple(transform)[:6]}, against {first[0]}, "
            f"{tuple(first[1])[:6]}); warp one onto the other's grid with gdalwarp"
        )
