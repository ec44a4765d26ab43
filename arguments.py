"""What may stand on a command line: its options, and what they come to."""

import hashlib
import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import BerthwatchError

if TYPE_CHECKING:
    from .imagery.scene import Scene
    from .watch import Question


class DeviceName(StrEnum):
    """Where the detector runs."""

    auto = "auto"
    cuda = "cuda"
    cpu = "cpu"


class BackendName(StrEnum):
    """What runs the model."""

    auto = "auto"
    onnxruntime = "onnxruntime"
    openvino = "openvino"
    torch = "torch"


class ExportFormat(StrEnum):
    """File formats of `berthwatch export`."""

    gpkg = "gpkg"
    geojson = "geojson"
    kml = "kml"
    csv = "csv"


ScenesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SCENE…",
        help="Pictures, Sentinel-2 folders, STAC items, folders of pictures, patterns, or URLs.",
        show_default=False,
    ),
]
PortArgument = Annotated[
    str, typer.Argument(metavar="PORT", help="A shipped port (vostochny, long-beach) or a port YAML.")
]
StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="Folder that detect or watch wrote.")]
StoreOption = Annotated[Path, typer.Option("--out", "-o", metavar="STORE", help="Folder for detections and outputs.")]
AcquiredAtOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="When the scene was taken, with its zone: 2024-03-07T02:06:51Z. For one scene; of many it is read from "
        "the product, a STAC item beside it, tags or the file name.",
    ),
]
BandOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLOUR=FILE", help="red=, green= and blue= (or pan=): a file each, or band numbers of SCENE."
    ),
]
CloudMaskOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Raster of what is obscured: nonzero, or SCL, UDM2, QA_PIXEL. For one scene."),
]
ModelOption = Annotated[str, typer.Option(help="A shipped model, or a model file.")]
DeviceOption = Annotated[DeviceName, typer.Option(help="auto takes CUDA where it can be had; the choice is printed.")]
BackendOption = Annotated[
    BackendName,
    typer.Option(
        help="auto: torch or ONNX Runtime on CUDA; on the CPU ONNX Runtime, or OpenVINO where it is installed, "
        "quicker, and finds the same ships in a few tiles of the first scene."
    ),
]
ScoreOption = Annotated[
    float | None,
    typer.Option(
        help="Lowest score of a detection, 0 to 1; by default what suits its GSD, less where berths are watched."
    ),
]
LandOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Polygons of land: not searched; 50 m or more from its shore ships are dropped, and nothing is observed.",
    ),
]
OverlapOption = Annotated[float, typer.Option(help="Overlap of tiles, metres: the longest ship expected.")]
BatchOption = Annotated[int, typer.Option(min=1, help="Tiles a call of the detector.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads of the detector; all cores if left out.")]
AgainOption = Annotated[bool, typer.Option("--again", help="Detect even what the store has.")]
ProfileOption = Annotated[bool, typer.Option("--profile", help="Tell where the time went.")]
ProductOption = Annotated[str | None, typer.Option(help="Oil product assumed, a key of the cargo assumptions.")]
CargoOption = Annotated[
    Path | None, typer.Option("--cargo", metavar="YAML", help="Cargo assumptions in place of the shipped ones.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Start of the period; the first scene if left out.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="End of the period; the last scene if left out.")
]
ReportedOption = Annotated[
    Path | None,
    typer.Option(
        "--reported",
        metavar="CSV",
        help="Deliveries that states notified: columns date, barrels. A cargo may be both reported and estimated, so "
        "the report gives two bounds: the larger of both, and their sum.",
    ),
]
IdentifiedOption = Annotated[
    Path | None,
    typer.Option(
        "--identified",
        metavar="CSV",
        help="Ships that you know: columns visit_id (as `berthwatch occupancy` lists it, the report beside each visit "
        "and its tables/visits.csv; with the same --from and --to), name (or IMO number), dwt_t.",
    ),
]
PumpLimitOption = Annotated[
    bool, typer.Option("--pump-limit", help="No more than can be pumped between the looks that bound a stay.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")]


def finite(value: float | None) -> float | None:
    """The value of an option, unless it is no number: nan is neither below a minimum nor above a maximum."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number")
    return value


def scene_sources(
    arguments: Sequence[str] | None,
    *,
    acquired_at: str | None,
    band: Sequence[str] | None,
    cloud_mask: Path | None,
) -> "tuple[list[str], Callable[[str | Path], Scene]]":
    """The scenes named on the command line, and what opens them with the options that belong to one scene."""
    from .imagery.acquired_at import parse_time
    from .imagery.scene import open_scene
    from .imagery.scene_list import list_scenes

    bands = parse_bands(band)
    sources = list_scenes(arguments or ())
    if not sources and bands:
        sources = [next(iter(bands.values()))]
    if not sources:
        raise BerthwatchError("no scene given; name files, a folder, a pattern or URLs, or give --band COLOUR=FILE")
    for option, value in (("--acquired-at", acquired_at), ("--band", band), ("--cloud-mask", cloud_mask)):
        if value and len(sources) > 1:
            raise BerthwatchError(f"{option} belongs to one scene, but {len(sources)} are given; run them one by one")
    time = parse_time(acquired_at) if acquired_at else None
    return sources, lambda source: open_scene(source, bands=bands or None, acquired_at=time, cloud_mask=cloud_mask)


def parse_bands(band: Sequence[str] | None) -> dict[str, str]:
    """`["red=a.tif", …]` as a mapping.

    Raises:
        BerthwatchError: an item is not COLOUR=FILE, or a colour comes twice.
    """
    bands: dict[str, str] = {}
    for item in band or ():
        colour, _, value = item.partition("=")
        if not value:
            raise BerthwatchError(f"--band {item}: write COLOUR=FILE, such as --band red=B04.tif")
        if colour in bands:
            raise BerthwatchError(f"--band {colour}: given twice, {bands[colour]} and {value}")
        bands[colour] = value
    return bands


def read_question(
    cargo: Path | None,
    product: str | None,
    since: str | None,
    until: str | None,
    reported: Path | None,
    seed: int,
    *,
    identified: Path | None = None,
    pump_limit: bool = False,
) -> "Question":
    """The options of `watch`, `report`, `barrels` and `occupancy` as a `Question`."""
    from .configs.plausible_time import impossible
    from .estimation.identified import read_identified
    from .estimation.reported import read_reported
    from .imagery.acquired_at import parse_time
    from .watch import Question

    start, end = (parse_time(text) if text else None for text in (since, until))
    for option, moment in (("--from", start), ("--to", end)):
        if moment and (why := impossible(moment)):
            raise BerthwatchError(f"{option} {moment.isoformat()} {why}")
    return Question(
        cargo_path=cargo,
        product=product,
        period=(start, end),
        reported=read_reported(reported) if reported else None,
        identified=read_identified(identified) if identified else None,
        pump_limit=pump_limit,
        seed=seed,
    )


def question_facts(question: "Question", *, reported: Path | None, identified: Path | None = None) -> dict[str, Any]:
    """A question for `run.json`; of what was read from files, these and their SHA-256."""
    files = {"cargo": question.cargo_path, "reported": reported, "identified": identified}
    asked = {name: value for name, value in vars(question).items() if name != "cargo_path"}
    return asked | {name: _file_facts(path) if path else None for name, path in files.items()}


def _file_facts(path: Path) -> dict[str, str | None]:
    # What came through a pipe cannot be read again.
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return {"file": str(path), "sha256": digest}
