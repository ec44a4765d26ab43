"""Opening rasters: one handle a thread, settings for remote files, errors in the user's words."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from ..errors import BerthwatchError

# GDAL's block cache is 5 % of the machine's memory by default. Rows are read once and in order, so that it need only
# hold the blocks in hand.
BLOCK_CACHE_BYTES = 64 * 1024 * 1024
# Smaller blocks, as of a file in strips of single rows, take longer to hand to another thread than to decode: measured,
# 9 kB strips cost 2.2 times the processor time with two threads than with one.
_LEAST_SAMPLES_A_THREAD = 64 * 1024

# Scenes without georeference are refused in our own words.
warnings.simplefilter("ignore", NotGeoreferencedWarning)

_BUCKETS = (("s3://", "/vsis3/"), ("gs://", "/vsigs/"), ("az://", "/vsiaz/"))
# What GDAL calls a block that is not there or cannot be decoded.
_DAMAGED = re.compile(r"IReadBlock|TIFFReadEncoded|TIFFFillStrip|TIFFFillTile")

_REMOTE = {
    # Remote folders are not listed: a picture's neighbours are of no interest, and listing takes seconds.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "VSI_CACHE": "TRUE",
}


def gdal_name(source: str | Path) -> str:
    """What GDAL calls a source: paths as they are, URLs and bucket keys with their /vsi prefix."""
    text = str(source)
    for scheme, prefix in _BUCKETS:
        if text.startswith(scheme):
            return prefix + text.removeprefix(scheme)
    if text.startswith(("http://", "https://")):
        return "/vsicurl/" + text
    return text


def absolute_name(raster: str) -> str:
    """What GDAL opens, from wherever it is opened: local paths from the root on, all else as it is."""
    return raster if raster.startswith(("/vsi", "<VRTDataset")) else str(Path(raster).absolute())


def is_remote(source: str) -> bool:
    """Whether GDAL fetches the source over a network (a VRT of remote bands included)."""
    return any(mark in source for mark in ("/vsicurl/", "/vsis3/", "/vsigs/", "/vsiaz/"))


def display_name(source: str) -> str:
    """A source as a user knows it: an address without GDAL's prefix; the VRT of separate bands is not spelled out."""
    if source.startswith("<VRTDataset"):
        return "the scene made of separate bands"
    for scheme, prefix in _BUCKETS:
        if source.startswith(prefix):
            return scheme + source.removeprefix(prefix)
    return source.removeprefix("/vsicurl/")


def decode_threads() -> int:
    """Threads that decode a GeoTIFF's blocks: the cores granted to this process, eight at the most."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@contextmanager
def open_raster(source: str, *, cache_bytes: int = 0, **open_options: str) -> Iterator[DatasetReader]:
    """Open a raster for the calling thread alone.

    `cache_bytes`: decoded blocks that GDAL shall keep, if more than BLOCK_CACHE_BYTES. `open_options` are GDAL's.
    Raises BerthwatchError, with GDAL's own reason, when the raster cannot be opened or a read inside the block fails.
    """
    options: dict[str, Any] = dict(_REMOTE) if is_remote(source) else {}
    options |= {"GDAL_CACHEMAX": max(cache_bytes, BLOCK_CACHE_BYTES), "GDAL_NUM_THREADS": decode_threads()}
    try:
        with rasterio.Env(**options):
            with rasterio.open(source, sharing=False, **open_options) as dataset:
                if not is_decoded_by_one_thread(dataset):
                    yield dataset
                    return
            with rasterio.open(source, sharing=False, **open_options, NUM_THREADS="1") as dataset:
                yield dataset
    except UnicodeEncodeError as error:
        raise BerthwatchError(f"{display_name(source)}: its name is not UTF-8, as GDAL wants it; rename it") from error
    except RasterioError as error:
        name = display_name(source)
        reason = " ".join(str(error.__cause__ or error).split()).replace(f"'{source}' ", "").replace(f"{source}: ", "")
        if _DAMAGED.search(reason):
            way_out = "try again" if is_remote(source) else "get the file anew"
            raise BerthwatchError(f"{name}: part of the picture is damaged or missing; {way_out}") from error
        raise BerthwatchError(f"{name}: cannot be read as an image: {reason.replace(source, name)}") from error


def is_decoded_by_one_thread(dataset: DatasetReader) -> bool:
    """Whether one thread decodes the file's blocks, as they are too small to be shared out."""
    if dataset.driver != "GTiff" or not dataset.count:
        return False
    height, width = dataset.block_shapes[0]
    return height * width * dataset.count < _LEAST_SAMPLES_A_THREAD
