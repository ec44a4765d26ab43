"""A whole Sentinel-2 tile, as the command line takes it: the area of one port, and everything."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyproj import Transformer

from berthwatch.configs.port import load_port

from .fresh import CHECKOUT
from .pictures import CRS, mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "A Sentinel-2 tile at 10 m, 16 bit, from the command line, start-up included"
PORT = "vostochny"
GSD_M = 10.0


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """The command with and without --port, on a tile that has the port in its middle."""
    west, south, east, north = load_port(PORT).aoi
    x, y = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform((west + east) / 2, (south + north) / 2)
    half = sizes.sentinel_px * GSD_M / 2
    picture = mosaic(
        folder / "sentinel.tif", sizes.sentinel_px, gsd_m=GSD_M, dtype="uint16", left_top=(x - half, y + half)
    )
    return {
        "side_px": sizes.sentinel_px,
        "with_port": _command(picture, folder / "sentinel-port", "--port", PORT),
        "whole": _command(picture, folder / "sentinel-whole"),
    }


def _command(picture: Path, store: Path, *options: str) -> dict[str, Any]:
    start = time.perf_counter()
    command = [sys.executable, "-m", "berthwatch", "detect", str(picture), "--out", str(store), "--device", "cpu"]
    subprocess.run([*command, *options], check=True, capture_output=True, cwd=CHECKOUT.parent)
    taken = time.perf_counter() - start
    (written,) = (store / "scenes").glob("*.parquet")
    return {"seconds": taken, "ships": pq.read_metadata(written).num_rows}


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    side, port, whole = result["side_px"], result["with_port"], result["whole"]
    return [
        Row(f"{side}² px, --port {PORT}", seconds(port["seconds"]), "under 10 s", port["seconds"] < 10),
        Row(f"{side}² px, the whole tile", seconds(whole["seconds"])),
    ]
