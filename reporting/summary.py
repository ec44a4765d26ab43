"""What the report says first: a headline, the sentences a newspaper may quote, their basis, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from ..estimation.estimate import Estimate
from . import unobserved, wording
from .figures import Figure, figures, years_with_cap


@dataclass(frozen=True)
class Summary:
    """The top of the report.

    Attributes:
        headline: what was seen, in one line.
        sentences: what it amounts to; each stands alone when quoted.
        basis: what the sentences rest on, to be quoted with them.
        figures: the same in numbers.
    """

    headline: str
    sentences: tuple[str, ...]
    basis: str
    figures: tuple[Figure, ...]


def summarise(estimate: Estimate) -> Summary:
    """The summary of an estimate; speaks of oil berths only, and says so where there are none."""
    if not oil_looks(estimate).empty:
        clear = oil_looks(estimate).state.ne("unobserved").any()
        return _of_looks(estimate) if clear else _of_nothing_seen(estimate)
    return _of_ships_only(estimate)


def oil_looks(estimate: Estimate) -> pd.DataFrame:
    """The rows of `observations` that are of oil berths."""
    oil = [berth.id for berth in estimate.port.berths if berth.kind == "oil"]
    return estimate.observations[estimate.observations.berth_id.isin(oil)]


def _of_looks(estimate: Estimate) -> Summary:
    counted = estimate.visits[estimate.visits.counts]
    seen, total = estimate.total("seen"), estimate.total("total")
    sentences = [_sentence_seen(estimate, counted, seen)]
    if total["barrels_p95"] > seen["barrels_p95"]:
        sentences.append(_sentence_unseen(estimate, counted, total))
    sentences += [_sentence_cap(estimate, year) for year in years_with_cap(estimate)]
    shown = figures(estimate, oil_looks(estimate), seen, total)
    return Summary(_headline(estimate, counted), tuple(sentences), _basis(estimate), shown)


def _headline(estimate: Estimate, counted: pd.DataFrame) -> str:
    where = _where(estimate)
    if counted.empty:
        n_clear = int(oil_looks(estimate).state.ne("unobserved").sum())
        return f"No tanker found at {where} in {wording.count(n_clear, 'clear look')}"
    n = len(counted)
    if _surely_tankers(counted):
        return f"{wording.capitalised(wording.count(n, 'tanker visit'))} seen at {where}"
    return f"{wording.capitalised(wording.count(n, 'visit'))} seen at {where}, {_by_whom(counted.tanker_probability)}"


def _by_whom(tanker_probability: pd.Series) -> str:
    """Whose the visits were, no surer than `wording.kind_of_ship` is of each."""
    n, likely = len(tanker_probability), int((tanker_probability >= wording.PROBABLE).sum())
    tankers, others = ("a tanker", "another ship") if n == 1 else ("tankers", "other ships")
    if likely == n:
        return f"probably by {tankers}"
    if likely:
        return f"{wording.number(likely)} of them probably by {'a tanker' if likely == 1 else 'tankers'}"
    possible = (tanker_probability >= wording.POSSIBLE).any()
    return f"by {tankers} or {others}" if possible else f"probably not by {tankers}"


def _surely_tankers(counted: pd.DataFrame) -> bool:
    """Whether the visits may be called tanker visits without a "probably": nine in ten or more of them are."""
    return bool(counted.tanker_probability.mean() >= 0.9)


def _sentence_seen(estimate: Estimate, counted: pd.DataFrame, seen: Mapping[str, float]) -> str:
    where, when = _where(estimate), wording.between(*_pictured(estimate))
    if counted.empty:
        taken = "a picture" if len(estimate.records) == 1 else "pictures"
        return f"No tanker was found at {where} in {taken} taken {when}; that is not to say that none came."
    pictures = "A satellite picture" if len(estimate.records) == 1 else "Satellite pictures"
    shows = "shows" if len(estimate.records) == 1 else "show"
    visits = wording.count(len(counted), "visit")
    if _surely_tankers(counted):
        visits += " by a tanker" if len(counted) == 1 else " by tankers"
        loading = "Loading as tankers of that size do"
    else:
        loading = "Allowing for those that are no tankers, and if the tankers load as ships of that size do"
    they = "it" if len(counted) == 1 else "they"
    return (
        f"{pictures} taken {when} {shows} {visits} to {where}. "
        f"{loading}, {they} would have taken {_barrels_with_interval(seen)}."
    )


def _sentence_unseen(estimate: Estimate, counted: pd.DataFrame, total: Mapping[str, float]) -> str:
    when = wording.between(*estimate.period)
    when = "" if when == wording.between(*_pictured(estimate)) else f" {when}"
    basis = ""
    if _rests_on_assumed_traffic(estimate):
        what = "all of it" if counted.empty else "what this adds to the visits seen"
        basis = f"; {what} rests on assumed traffic, not on pictures"
    return (
        f"Counting visits{when} that no picture shows, because they came at other times, were hidden or were missed, "
        f"the estimate is {_barrels_with_interval(total)} in {_visits_in_words(total)}{basis}."
    )


def _pictured(estimate: Estimate) -> tuple[datetime, datetime]:
    """When the first and the last picture were taken; the period may be longer."""
    times = [record.acquired_at for record in estimate.records if record.acquired_at is not None]
    return min(times), max(times)


def _rests_on_assumed_traffic(estimate: Estimate) -> bool:
    """Whether the visits unseen come from the traffic believed beforehand rather than from the pictures.

    So it is called with fewer than three pictures that show an oil berth, or where the period reaches beyond the
    pictures by more than the time between the first and the last of them.
    """
    looks = oil_looks(estimate)
    first, last = _pictured(estimate)
    start, end = estimate.period
    few = looks[looks.state != "unobserved"].scene_id.nunique() < 3
    return bool(few or (end - start) - (last - first) > last - first)


def _sentence_cap(estimate: Estimate, year: Mapping[Any, Any]) -> str:
    passed = wording.probability(year["total_probability_cap_passed"]).replace("<", "below ").replace(">", "above ")
    share = wording.percent(year["total_fraction_of_cap_p50"])
    low, high = (wording.percent(year[f"total_fraction_of_cap_{q}"]) for q in ("p05", "p95"))
    start, end = wording.day(year["start"]), wording.day(year["end"])
    uncounted = f"before {start} and after {end}" if start != end else "on other days"
    that = "On that traffic it is" if _rests_on_assumed_traffic(estimate) else "That is"
    return (
        f"{that} about {share} of the {wording.barrels(year['cap_bbl'])} barrels that the "
        f"{cap_title(estimate)} allows in {year['year']} (90% interval {low} to {high}). The probability that the cap "
        f"was passed by {end} is {passed}. Deliveries {uncounted} are not counted.{_with_reported(year)}"
    )


def _with_reported(year: Mapping[Any, Any]) -> str:
    """The two bounds that the deliveries reported by states set, as a sentence; empty where none were given."""
    if year["reported_lines"] == 0:
        return " Of the deliveries that states reported none lies within the period."
    if pd.isna(year["reported_bbl"]):
        return ""
    shares, odds = (
        [words(year[f"{bound}_{column}"]) for bound in ("total_or_reported", "total_plus_reported")]
        for words, column in (
            (wording.percent, "fraction_of_cap_p50"),
            (wording.probability, "probability_cap_passed"),
        )
    )
    return (
        f" States reported {wording.barrels(year['reported_bbl'])} barrels. If the estimate and the reports are of the "
        f"same cargoes, the larger of the two is about {shares[0]} of the cap (probability that it was passed "
        f"{odds[0]}); if no cargo is in both, their sum is about {shares[1]} ({odds[1]}). "
        "Which of the two is nearer, no picture tells."
    )


def cap_title(estimate: Estimate) -> str:
    """The cap as a sentence names it."""
    cap = estimate.cargo.caps.get(estimate.ledger.cap_name or "")
    return cap.name if cap else f"cap {estimate.ledger.cap_name}"


def _basis(estimate: Estimate) -> str:
    looks = oil_looks(estimate)
    n_clear = looks[(looks.state != "unobserved") | looks.same_pass_as.notna()].scene_id.nunique()
    sizes = sorted({f"{record.gsd_m:.2g}" for record in estimate.records}, key=float)
    pixels = sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    pictures = wording.capitalised(wording.count(len(estimate.records), "satellite picture"))
    berth = "the oil berth" if looks.berth_id.nunique() == 1 else "an oil berth"
    shown = "which shows" if len(estimate.records) == 1 else f"of which {wording.number(n_clear)} showed"
    product = estimate.cargo.products[estimate.product].name
    missed = wording.percent(float(looks.miss_probability.mean()))
    return (
        f"{pictures} with pixels of {pixels} m, {shown} {berth} in plain view. Ships were found and measured by a "
        f"neural network, taken to miss {missed} of the ships at such a berth; what they can carry is assessed from "
        f"their length and beam. The product ({product}), how full the ships were and how long they stayed are "
        "assumed, and so is that they loaded, and did not discharge or lie idle: no picture shows it."
    )


def _of_nothing_seen(estimate: Estimate) -> Summary:
    n_scenes, looks = len(estimate.records), oil_looks(estimate)
    which = "The one picture does not show" if n_scenes == 1 else f"None of {wording.count(n_scenes, 'picture')} shows"
    why = unobserved.in_words(estimate, looks)
    return Summary(
        headline=f"Nothing can be said of {_where(estimate)}",
        sentences=(
            f"{which} {_where(estimate)} in plain view ({wording.figure(len(looks), 'look')}: {why}): unobserved is "
            "not vacant, and tankers may have come and gone.",
        ),
        basis=f"{wording.figure(n_scenes, 'satellite picture')}, {wording.period(*_pictured(estimate))}.",
        figures=(Figure("Looks at the oil berths", f"0 of {len(looks)}", (f"unobserved: {why}",)),),
    )


def _of_ships_only(estimate: Estimate) -> Summary:
    port, n_ships, n_visits = estimate.port.name, len(estimate.detections), len(estimate.visits)
    likely = int((estimate.detections.tanker_probability >= wording.PROBABLE).sum())
    visits = f"{wording.count(n_visits, 'visit')} to its other berths {'was' if n_visits == 1 else 'were'} seen"
    return Summary(
        headline=f"{wording.capitalised(wording.count(n_ships, 'ship'))} found at {port}; no oil berth to watch",
        sentences=(f"{port} is described without an oil berth, so no barrels are estimated; {visits}.",),
        basis=f"{wording.capitalised(wording.count(len(estimate.records), 'satellite picture'))}, "
        f"{wording.period(*_pictured(estimate))}. Ships were found and measured by a neural network.",
        figures=(
            Figure("Scenes", f"{len(estimate.records)}", ()),
            Figure("Ships found", f"{n_ships}", (f"{likely} of them probably tankers", "counted in every scene anew")),
            Figure("Visits seen", f"{n_visits}", ("at berths that are not oil berths",)),
        ),
    )


def _where(estimate: Estimate) -> str:
    oil = [berth for berth in estimate.port.berths if berth.kind == "oil"]
    if len(oil) == 1:
        return f"{oil[0].name}, {estimate.port.name}"
    return f"the {wording.count(len(oil), 'oil berth')} of {estimate.port.name}"


def _barrels_with_interval(part: Mapping[str, float]) -> str:
    low, high = wording.barrels(part["barrels_p05"], 2), wording.barrels(part["barrels_p95"], 2)
    return f"about {wording.barrels(part['barrels_p50'], 2)} barrels (90% interval {low} to {high})"


def _visits_in_words(part: Mapping[str, float]) -> str:
    low, high = round(part["visits_p05"]), round(part["visits_p95"])
    if low == high:
        return wording.count(high, "visit")
    if high > 12:  # number() writes such in digits, and an interval is written in one way
        return f"{low} to {high} visits"
    return f"{wording.number(low) if low else 'none'} to {wording.count(high, 'visit')}"
