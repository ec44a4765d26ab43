"""What the page shows of each visit: pictures of every sighting, the ship, the times, the barrels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..estimation.estimate import Estimate
from ..inference.size_class import SIZE_CLASS_NAMES
from . import wording
from .pictures import Picture, PictureMaker, ship_bounds, ship_line
from .tables import rows_of
from .timeline import visit_span

MAX_PICTURES_A_VISIT = 6


@dataclass(frozen=True)
class Sighting:
    """One look that shows the ship; where the scene is not at hand, `picture` is a drawing."""

    scene_id: str
    when: str
    line: str
    picture: Picture


@dataclass(frozen=True)
class Bar:
    """A size class and its probability."""

    name: str
    share: float
    text: str


@dataclass(frozen=True)
class BarrelPlot:
    """Quantiles as shares (0 to 1) of the widest visit's, so that all cards have one scale; and in words."""

    low_90: float
    low_50: float
    median: float
    high_50: float
    high_90: float
    text_median: str
    text_50: str
    text_90: str
    scenarios: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class VisitCard:
    """All that the page says of a visit; texts are ready to print."""

    visit_id: str
    title: str
    berth: str
    counts: bool
    identified_as: str
    arrival: str
    departure: str
    observed: tuple[tuple[str, str], ...]
    assessed: tuple[tuple[str, str], ...]
    size_classes: tuple[Bar, ...]
    barrels: BarrelPlot | None
    sightings: tuple[Sighting, ...]
    n_more: int


def visit_cards(estimate: Estimate, maker: PictureMaker) -> tuple[VisitCard, ...]:
    """A card a visit, in order of first sighting, those that enter the barrels first."""
    ordered = estimate.visits.sort_values(["counts", "first_seen"], ascending=[False, True], kind="stable")
    loadings = estimate.loadings.set_index("visit_id")
    widest = float(loadings.barrels_p95.max()) if len(loadings) else 1.0
    # 40 sightings of 320 pixels fill a megabyte; more of them are cut smaller, so that the page stays one to send.
    n_pictures = int(np.minimum(ordered.n_sightings, MAX_PICTURES_A_VISIT).sum())
    max_px = 320 if n_pictures <= 40 else 240 if n_pictures <= 100 else 160
    names = {berth.id: berth.name for berth in estimate.port.berths}
    ships = {ship.detection_id: ship for ship in rows_of(estimate.detections)}
    cards = []
    for visit in rows_of(ordered):
        loading = loadings.loc[visit.visit_id] if visit.visit_id in loadings.index else None
        sightings = [
            _sighting(ships[i], visit, maker, max_px) for i in visit.detection_ids[:MAX_PICTURES_A_VISIT] if i in ships
        ]
        cards.append(
            VisitCard(
                visit_id=visit.visit_id,
                title=_title(visit),
                berth=names[visit.berth_id],
                counts=bool(visit.counts),
                identified_as=visit.identified_as or "",
                arrival=_interval(visit.arrival_earliest, visit.arrival_latest),
                departure=_interval(visit.departure_earliest, visit.departure_latest),
                observed=_observed(visit),
                assessed=_assessed(visit),
                size_classes=_size_classes(visit.size_class_probabilities),
                barrels=None if loading is None else _barrel_plot(loading, widest),
                sightings=tuple(sightings),
                n_more=max(0, len(visit.detection_ids) - MAX_PICTURES_A_VISIT),
            )
        )
    return tuple(cards)


def _sighting(ship: Any, visit: Any, maker: PictureMaker, max_px: int) -> Sighting:
    bounds, subjects = ship_bounds(ship.lon, ship.lat, visit.length_m), [ship.detection_id]
    return Sighting(
        scene_id=ship.scene_id,
        when=wording.moment(ship.acquired_at),
        line=ship_line(ship),
        picture=maker.cut(ship.scene_id, bounds, max_px=max_px, subjects=subjects)
        or maker.draw(ship.scene_id, bounds, subjects=subjects),
    )


def _title(visit: Any) -> str:
    kind = wording.kind_of_ship(visit.tanker_probability)
    return f"{visit.length_m:.0f} m {kind}, {wording.day(visit.first_seen)}"


def _interval(earliest: pd.Timestamp, latest: pd.Timestamp) -> str:
    if pd.isna(earliest):
        return f"before {wording.moment(latest)}; no earlier clear look"
    if pd.isna(latest):
        return f"after {wording.moment(earliest)}; no later clear look"
    return f"between {wording.moment(earliest)} and {wording.moment(latest)}"


def _observed(visit: Any) -> tuple[tuple[str, str], ...]:
    beam = "not measured" if pd.isna(visit.beam_m) else f"{visit.beam_m:.0f} ± {visit.beam_sd_m:.0f} m"
    return (
        ("Length", f"{visit.length_m:.0f} ± {visit.length_sd_m:.0f} m"),
        ("Beam", beam),
        ("Sightings", f"{visit.n_sightings}"),
        ("Arrived", _interval(visit.arrival_earliest, visit.arrival_latest)),
        ("Left", _interval(visit.departure_earliest, visit.departure_latest)),
        ("Stay", visit_span(visit)),
    )


def _assessed(visit: Any) -> tuple[tuple[str, str], ...]:
    dwt = f"{_tonnes(visit.dwt_t_p50)} t (90%: {_tonnes(visit.dwt_t_p05)}–{_tonnes(visit.dwt_t_p95)} t)"
    facts = (
        ("Is a tanker", f"{wording.probability(visit.tanker_probability)}, by its looks and its berth"),
        ("Deadweight", dwt),
    )
    if visit.n_sightings > 1:
        facts += (("All one visit", wording.probability(visit.link_probability)),)
    if visit.there_before_probability >= 0.01:
        facts += (("Same call as the sighting before", wording.probability(visit.there_before_probability)),)
    if visit.there_after_probability >= 0.01:
        facts += (("Same call as the next sighting", wording.probability(visit.there_after_probability)),)
    return facts


def _tonnes(value: float) -> str:
    return "unknown" if pd.isna(value) else f"{wording.round_significant(value, 3):,.0f}"


def _size_classes(probabilities: list[float]) -> tuple[Bar, ...]:
    """The classes that matter, in order of size: those of 2% and more."""
    named = zip(SIZE_CLASS_NAMES, probabilities, strict=True)
    return tuple(Bar(name, float(p), wording.probability(p)) for name, p in named if p >= 0.02)


def _barrel_plot(loading: pd.Series, widest: float) -> BarrelPlot:
    low_90, low_50, median, high_50, high_90 = (
        float(loading[f"barrels_{q}"]) / max(widest, 1.0) for q in ("p05", "p25", "p50", "p75", "p95")
    )
    return BarrelPlot(
        low_90, low_50, median, high_50, high_90,
        text_median=wording.barrels(loading.barrels_p50),
        text_50=wording.barrel_range(loading.barrels_p25, loading.barrels_p75),
        text_90=wording.barrel_range(loading.barrels_p05, loading.barrels_p95),
        scenarios=tuple((f"{s}% laden", wording.barrels(loading[f"barrels_laden_{s}"])) for s in (33, 50, 90)),
    )  # fmt: skip
