"""A whole Sentinel-2 tile, a JPEG 2000 file a band as it is handed out, by command: one port's area, and everything."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil
from pyproj import Transformer

from berthwatch.configs.port import load_port
from berthwatch.inference.store import read_record

from .fresh import CHECKOUT
from .pictures import CRS, mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "A Sentinel-2 tile at 10 m, three 16-bit JPEG 2000 bands, from the command line, start-up included"
PORT = "vostochny"
GSD_M = 10.0
_BANDS = {"red": "B04", "green": "B03", "blue": "B02"}
# Lossless in blocks of 1024 pixels, as ESA writes them.
_JPEG_2000 = {
    "driver": "JP2OpenJPEG",
    "quality": "100",
    "reversible": "YES",
    "blockxsize": "1024",
    "blockysize": "1024",
}


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """The command with and without --port, on a tile that has the port in its middle."""
    west, south, east, north = load_port(PORT).aoi
    x, y = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform((west + east) / 2, (south + north) / 2)
    half = sizes.sentinel_px * GSD_M / 2
    picture = mosaic(
        folder / "sentinel.tif", sizes.sentinel_px, gsd_m=GSD_M, dtype="uint16", left_top=(x - half, y + half)
    )
    bands = _bands(picture, folder)
    picture.unlink()
    return {
        "side_px": sizes.sentinel_px,
        "with_port": _command(bands, folder / "sentinel-port", "--port", PORT),
        "whole": _command(bands, folder / "sentinel-whole"),
    }


def _bands(picture: Path, folder: Path) -> list[str]:
    """A file a band, and the options that name them."""
    options = []
    for index, (colour, band) in enumerate(_BANDS.items(), start=1):
        single, file = folder / f"{band}.tif", folder / f"T53TMH_20240307T015621_{band}_10m.jp2"
        with rasterio.open(picture) as source:
            counts, profile = source.read(index), source.profile | {"count": 1, "photometric": "MINISBLACK"}
        with rasterio.open(single, "w", **profile) as target:
            target.write(counts, 1)
        rasterio.shutil.copy(single, file, **_JPEG_2000)
        single.unlink()
        options += ["--band", f"{colour}={file}"]
    return options


def _command(bands: list[str], store: Path, *options: str) -> dict[str, Any]:
    start = time.perf_counter()
    command = [sys.executable, "-m", "berthwatch", "detect", *bands, "--out", str(store), "--device", "cpu"]
    subprocess.run([*command, *options], check=True, capture_output=True, cwd=CHECKOUT.parent)
    taken = time.perf_counter() - start
    (written,) = (store / "scenes").glob("*.parquet")
    return {"seconds": taken, "runtime": read_record(written).backend}


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    side, port, whole = result["side_px"], result["with_port"], result["whole"]
    return [
        Row(
            f"{side}² px, --port {PORT}, {port['runtime']}",
            seconds(port["seconds"]),
            "under 10 s",
            port["seconds"] < 10,
        ),
        Row(f"{side}² px, the whole tile, {whole['runtime']}", seconds(whole["seconds"])),
    ]
