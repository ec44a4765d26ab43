"""A large scene on an NVIDIA GPU, where there is one: how busy it is kept, and what is the limit."""

from pathlib import Path
from typing import Any

from berthwatch.models.devices import nvidia_gpus

from .growth import search
from .pictures import mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "On an NVIDIA GPU"


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """One whole run, in a process of its own; nothing where there is no GPU."""
    if not nvidia_gpus():
        return {"side_px": sizes.gpu_px, "missing": "no NVIDIA GPU here"}
    picture = mosaic(folder / "gpu.tif", sizes.gpu_px)
    return {"side_px": sizes.gpu_px, **search(str(picture), str(folder / "gpu"), device="cuda")}


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table: the detector is busy, or the stages tell that reading keeps it waiting."""
    scene = f"{result['side_px']}² px"
    if "missing" in result:
        return [Row(scene, f"not measured: {result['missing']}")]
    share = result["busy"]["detect"] / result["seconds"]
    return [
        Row(
            f"{scene}, {result['tiles']} tiles, {result['runtime']}",
            f"{seconds(result['seconds'])}, {result['megapixels_per_s']:.1f} MP/s, {result['km2_per_s']:.1f} km²/s; "
            f"detector busy {share:.0%} of the time; {result['verdict']}",
            "busy at least 80 %, or reading is the limit",
            share >= 0.8 or result["verdict"].startswith("reading"),
        )
    ]
