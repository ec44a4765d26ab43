"""The report: one HTML file with its pictures, charts and numbers inside, that opens anywhere and loads nothing."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .. import __version__
from ..errors import BerthwatchError
from ..estimation.estimate import Estimate
from ..imagery.scene import Scene
from . import page_tables, wording
from .cards import visit_cards
from .cumulative import is_flat, lay_out_cumulative
from .looks import look_strip
from .pictures import Picture, PictureMaker, port_bounds
from .provenance import provenance
from .summary import oil_looks, summarise
from .tables import report_data
from .timeline import lay_out_timeline

log = logging.getLogger(__name__)

_MAX_OTHER_PICTURES = 24
_NEARLY_BLACK = 30.0  # mean of 0 to 255: harbours by day have 50 and more


@dataclass(frozen=True)
class Place:
    """The picture of the port and what stands below it."""

    picture: Picture
    caption: str


def write_report(
    estimate: Estimate,
    out: str | Path,
    *,
    scenes: Mapping[str, Scene] | None = None,
    generated_at: datetime | None = None,
) -> Path:
    """Write the report of an estimate; the file appears whole or not at all.

    Args:
        estimate: what to report.
        out: HTML file to write; its folder is made if missing.
        scenes: the scenes at hand by scene_id, for pictures; without them the report says that they are missing.
        generated_at: UTC time to print as the time of making; now by default.

    Returns:
        The file written.

    Raises:
        BerthwatchError: the file cannot be written.
    """
    page = render_report(estimate, scenes=scenes or {}, generated_at=generated_at or datetime.now(UTC))
    out = Path(out)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(page, encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BerthwatchError(f"cannot write the report {out}: {error.strerror or error}") from error
    return out


def render_report(estimate: Estimate, *, scenes: Mapping[str, Scene], generated_at: datetime) -> str:
    """The report as HTML text; deterministic for the same arguments."""
    template = Environment(
        loader=PackageLoader("berthwatch.reporting"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).get_template("report.html.j2")
    searched = {record.scene_id: record.picture_files or () for record in estimate.records}
    maker = PictureMaker(scenes, estimate.detections, estimate.port.berths, searched)
    oil = [berth for berth in estimate.port.berths if berth.kind == "oil"]
    data = report_data(estimate)
    charts = _charts(estimate) if oil else []
    place, strip, cards = _place(estimate, maker), look_strip(estimate, maker), visit_cards(estimate, maker)
    others = maker.others()
    changed = [_another_picture(scene_id) for scene_id in others]
    for warning in changed:
        log.warning(warning)
    return template.render(
        version=__version__,
        port=estimate.port,
        period=wording.period(*estimate.period),
        generated=wording.moment(generated_at),
        summary=summarise(estimate),
        warnings=(*changed, *estimate.warnings),
        contents=_contents(bool(oil)),
        place=place,
        timelines=[t for narrow in (False, True) if (t := lay_out_timeline(estimate, narrow=narrow))],
        strip=strip,
        has_oil=bool(oil),
        several_oil_berths=len(oil) > 1,
        throughput=page_tables.throughput(estimate),
        look_table=page_tables.look_table(estimate),
        charts=charts,
        totals=page_tables.totals(estimate),
        years=page_tables.years(estimate),
        cap_source=page_tables.cap_source(estimate),
        size_classes=page_tables.size_classes(estimate),
        cards=cards,
        max_other_pictures=_MAX_OTHER_PICTURES,
        knowledge=page_tables.knowledge(estimate),
        defaults_note=page_tables.defaults_note(estimate),
        any_identified=bool(estimate.visits.identified_as.notna().any()),
        approximate=wording.listed([berth.name for berth in estimate.port.berths if berth.approximate]),
        provenance=provenance(estimate, at_hand=scenes, others=others, generated_at=generated_at, data=data),
        tables=list(data["tables"]),
        data=data,
    )


def _another_picture(scene_id: str) -> str:
    return (
        f"{scene_id}: its file has changed since ships were sought in it (another SHA-256): it is not the picture "
        "searched and is not shown; detect it again with --again"
    )


def _contents(has_oil: bool) -> list[tuple[str, str]]:
    entries = [("place", "The place"), ("occupancy", "Was a ship there?")]
    entries += [("barrels", "How many barrels?")] if has_oil else []
    return [
        *entries,
        ("visits", "The visits"),
        ("knowledge", "Observed, assessed, assumed"),
        ("method", "Method and limits"),
        ("provenance", "Provenance"),
    ]


def _place(estimate: Estimate, maker: PictureMaker) -> Place:
    """The most telling scene at hand; of the five that tell most, one that is not nearly black, if there is one."""
    berths = [b for b in estimate.port.berths if b.kind == "oil"] or estimate.port.berths
    subjects = [i for ids in estimate.observations.detection_ids for i in ids]
    ranked = sorted(maker.scenes, key=lambda scene_id: _telling(estimate, scene_id), reverse=True)
    shown: Place | None = None
    for scene_id in ranked[:5]:
        bounds = port_bounds(berths, margin_m=400.0)
        picture = maker.cut(scene_id, bounds, max_px=1400, subjects=subjects, label_berths=True)
        if picture is not None and (shown is None or picture.brightness > shown.picture.brightness):
            shown = Place(picture, _caption(estimate, maker, scene_id))
        if shown is not None and shown.picture.brightness >= _NEARLY_BLACK:
            break
    return shown or Place(
        maker.draw(None, port_bounds(berths, margin_m=100.0), subjects=subjects),
        "No picture was at hand: drawn from coordinates alone, with the ships of all scenes laid over each other.",
    )


def _caption(estimate: Estimate, maker: PictureMaker, scene_id: str) -> str:
    record = next((r for r in estimate.records if r.scene_id == scene_id), None) or maker.scenes[scene_id]
    when = wording.moment(record.acquired_at)
    return f"{estimate.port.name}, {when}. Scene {scene_id}, pixels of {record.gsd_m:.2g} m."


def _telling(estimate: Estimate, scene_id: str) -> tuple[float, ...]:
    """How well a scene shows the place: most oil berths seen, most in view, surest tankers there, finest, latest."""
    looks = oil_looks(estimate)
    looks = looks[(looks.scene_id == scene_id) & (looks.state != "unobserved")]
    alongside = estimate.detections[
        estimate.detections.detection_id.isin([i for ids in looks.detection_ids for i in ids])
    ]
    record = next((r for r in estimate.records if r.scene_id == scene_id), None)
    return (
        float(len(looks)),
        round(float(looks.observed_fraction.sum()), 1),
        float((alongside.ship_probability * alongside.tanker_probability).sum()),
        -record.gsd_m if record else -math.inf,
        record.acquired_at.timestamp() if record and record.acquired_at else -math.inf,
    )


def _charts(estimate: Estimate) -> list[Any]:
    views = (False, True) if is_flat(estimate) else (False,)
    charts = [lay_out_cumulative(estimate, narrow=n, enlarged=e) for e in views for n in (False, True)]
    return [chart for chart in charts if chart is not None]
