"""(d) Decoding: the same picture in different formats, read as the detector gets it, with nothing detected."""

import time
from pathlib import Path
from typing import Any

from berthwatch.imagery.observed import SeenGatherer
from berthwatch.imagery.radiometry import estimate_stretch
from berthwatch.imagery.scene import open_scene
from berthwatch.imagery.tiles import TileGrid, read_tiles

from .fresh import in_fresh_process
from .pictures import GSD_M, converted, mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "Decoding, without detection"


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Each format in a fresh process, the best of its repeats: then the file is in the system's cache for all alike."""
    formats = {}
    whole = mosaic(folder / "decode.tif", sizes.decode_px)
    small = mosaic(folder / "decode-small.tif", sizes.decode_jp2_px)
    for name, source in (("tiled", whole), ("striped", whole), ("cog", whole), ("jp2", small)):
        picture = source if name == "tiled" else converted(source, name, folder)
        runs = [in_fresh_process("decode", "measure", picture=str(picture)) for _ in range(sizes.decode_repeats)]
        formats[name] = min(runs, key=lambda result: result["seconds"]) | {"bytes": picture.stat().st_size}
    # A scene of 0.75 m, five times finer than the model works at, with and without overviews.
    fine = mosaic(folder / "decode-fine.tif", sizes.decode_px, gsd_m=0.75)
    formats["0.75 m, no overviews"] = in_fresh_process("decode", "measure", picture=str(fine))
    formats["0.75 m, overviews"] = in_fresh_process("decode", "measure", picture=str(converted(fine, "cog", folder)))
    return {"formats": formats}


def measure(picture: str) -> dict[str, Any]:
    """Read every tile of a picture, as one pass that also gathers what of the scene was seen."""
    scene = open_scene(picture)
    start = time.perf_counter()
    grid = TileGrid.plan(scene, gsd_m=GSD_M, tile_px=640, overlap_m=400.0)
    stretch = estimate_stretch(scene)
    tiles = sum(
        len(windows) for windows, _ in read_tiles(grid, stretch, batch_size=8, seen=SeenGatherer(grid, stretch))
    )
    taken = time.perf_counter() - start
    megapixels = scene.width * scene.height / 1e6
    return {"side_px": scene.width, "seconds": taken, "megapixels_per_s": megapixels / taken, "tiles": tiles}


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    formats = result["formats"]
    shown = [
        Row(
            f"{name}, {of['side_px']}² px",
            f"{seconds(of['seconds'])}, {of['megapixels_per_s']:.0f} MP/s, peak {of['peak_rss_mb']:.0f} MB",
        )
        for name, of in formats.items()
    ]
    ratio = formats["striped"]["seconds"] / formats["tiled"]["seconds"]
    return [*shown, Row("striped / tiled", f"{ratio:.2f}", "at most 1.3", ratio <= 1.3)]
