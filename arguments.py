"""What may stand on a command line: its options, and what they come to."""

import hashlib
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
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
        metavar="COLOUR=FILE",
        help="red=, green= and blue= (or pan=): a file each, or band numbers of SCENE. Files make one scene, called "
        "what their names share; without a date in that, behind the name of their folder.",
    ),
]
CloudMaskOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Raster of what is obscured: one band, nonzero there, or a file named SCL, UDM2, QA_PIXEL. For one scene.",
    ),
]
ModelOption = Annotated[str, typer.Option(help="A shipped model, or a model file.")]
DeviceOption = Annotated[DeviceName, typer.Option(help="auto takes CUDA where it can be had; the choice is printed.")]
BackendOption = Annotated[
    BackendName,
    typer.Option(
        help="auto: torch or ONNX Runtime on CUDA; on the CPU ONNX Runtime, or OpenVINO where it is installed, "
        "quicker (not for a search of seconds), and finds the same ships in a few tiles of the first scene."
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
BatchOption = Annotated[int, typer.Option(min=1, help="How many pieces of the picture are searched at once.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads of the detector; all cores if left out.")]
AgainOption = Annotated[bool, typer.Option("--again", help="Detect even what the store has.")]
ProfileOption = Annotated[bool, typer.Option("--profile", help="Tell where the time went.")]
# Written out, as reading them would slow help down; a test holds them to configs/cargo.yaml.
_PRODUCTS = "mixed, gasoil, gasoline, kerosene, fuel-oil, crude, un-2021"
_CAPS = "un_dprk_refined, un_dprk_crude"
ProductOption = Annotated[
    str | None,
    typer.Option(help=f"Oil product assumed: {_PRODUCTS}, or a key of --cargo. By default {_PRODUCTS.split(',')[0]}."),
]
CapOption = Annotated[
    str | None,
    typer.Option(
        help=f"Cap to set the barrels against: {_CAPS}, or a key of --cargo; if left out PORT's own, for --visits none."
    ),
]
CargoOption = Annotated[
    Path | None, typer.Option("--cargo", metavar="YAML", help="Cargo assumptions in place of the shipped ones.")
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Start of the period: a day, 2024-03-01 (from its first minute, UTC), or a time with its zone, "
        "2024-03-01T02:00Z. The first scene if left out.",
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME",
        help="End of the period: a day (to its end, UTC), or a time with its zone. The last scene if left out.",
    ),
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
    from .watch import Question

    start = _moment(since) if since else None
    end = _moment(until, end_of_day=True) if until else None
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


def _moment(text: str, *, end_of_day: bool = False) -> datetime:
    """A time with its zone, or a day in UTC: its first moment, or with `end_of_day` the first of the next.

    Raises:
        BerthwatchError: neither.
    """
    from .imagery.acquired_at import parse_time

    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return parse_time(text)
    return datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=end_of_day)


def question_facts(question: "Question", *, reported: Path | None, identified: Path | None = None) -> dict[str, Any]:
    """A question for `run.json`; of what was read from files, these and their SHA-256."""
    files = {"cargo": question.cargo_path, "reported": reported, "identified": identified}
    asked = {name: value for name, value in vars(question).items() if name != "cargo_path"}
    return asked | {name: _file_facts(path) if path else None for name, path in files.items()}


def _file_facts(path: Path) -> dict[str, str | None]:
    # What came through a pipe cannot be read again.
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return {"file": str(path), "sha256": digest}
