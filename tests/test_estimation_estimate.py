"""From detections to barrels, end to end, on looks made by hand."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import shapely
from estimation_scenes import BERTH, CLOUDED, PORT, START, Ship, at_day, detections, record, watched
from pandas.testing import assert_frame_equal

from berthwatch.configs.cargo import load_cargo
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.estimate import Estimate, enough_draws, estimate

CARGO = load_cargo()
LOOKS: dict[float, list[Ship] | None] = {
    0: [], 2: None, 3: [Ship(88)], 4: [Ship(90)], 5: [], 8: None, 10: [Ship(105)], 11: [Ship(72)], 13: [], 16: [],
    20: [Ship(95)], 24: [], 28: None, 30: [], 36: [Ship(80)], 42: [],
}  # fmt: skip


def run(looks: dict[float, list[Ship] | None], **options) -> Estimate:
    return estimate(PORT, *watched(looks), CARGO, **{"draws": 1000, **options})


@pytest.fixture(scope="module")
def six_weeks() -> Estimate:
    return run(LOOKS)


def test_visits_are_joined_by_hull_and_split_when_the_hull_changes(six_weeks):
    visits = six_weeks.visits

    assert list(visits["n_sightings"]) == [2, 1, 1, 1, 1]
    assert visits["length_m"].round().tolist() == [89, 105, 72, 95, 80]
    days = ("0310", "0317", "0318", "0327", "0412")
    assert visits["visit_id"].tolist() == [f"oil-1-2024{day}T0200" for day in days]


def test_arrival_and_departure_lie_between_the_looks_that_bound_them(six_weeks):
    first = six_weeks.visits.iloc[0]

    assert first["arrival_earliest"] == at_day(0)  # the look of day 2 was under cloud
    assert first["arrival_latest"] == at_day(3)
    assert first["departure_earliest"] == at_day(4)
    assert first["departure_latest"] == at_day(5)


def test_a_ship_in_the_first_look_has_no_known_arrival():
    visits = run({0: [Ship()], 1: [], 5: []}).visits

    assert visits["arrival_earliest"].isna().all()
    assert visits["departure_latest"].iloc[0] == at_day(1)


def test_two_sightings_give_a_surer_length_than_one(six_weeks):
    sd = six_weeks.visits["length_sd_m"]

    assert sd[0] == pytest.approx(4 * np.sqrt(0.25 + 0.75 / 2))  # a quarter of the variance is alike in both
    assert sd[1] == 4


def test_a_hull_cut_by_the_edge_does_not_shorten_the_ship():
    visits = run({0: [], 1: [Ship(60, touches_edge=True)], 1.2: [Ship(100)], 3: []}).visits
    alone = run({0: [], 1: [Ship(60, touches_edge=True)], 3: []}).visits

    assert visits.iloc[-1]["length_m"] == 100
    assert alone["length_sd_m"].iloc[0] > 14


def test_seen_and_unseen_make_the_total(six_weeks):
    totals = six_weeks.totals.set_index("part")

    for name in ("visits_mean", "barrels_mean", "barrels_laden_50"):
        assert totals.loc["total", name] == pytest.approx(totals.loc[["seen", "unseen"], name].sum())
    assert totals.loc["seen", "barrels_mean"] == pytest.approx(six_weeks.loadings["barrels_mean"].sum())
    assert totals.loc["total", "barrels_mean"] == pytest.approx(six_weeks.ledger.by_date["total_mean"].iloc[-1])
    assert six_weeks.by_size_class.groupby("part")["barrels_mean"].sum().to_dict() == pytest.approx(
        totals["barrels_mean"].to_dict()
    )


def test_un_scenarios_are_deadweight_times_barrels_per_tonne(six_weeks):
    loading, visit = six_weeks.loadings.iloc[1], six_weeks.visits.iloc[1]

    # 105 m: about 6,060 t; 6,060 * 7.87 bbl/t = 47,700 barrels of deadweight.
    assert loading["barrels_laden_90"] == pytest.approx(0.9 * visit["dwt_t_p50"] * 7.87, rel=0.08)
    assert loading["barrels_laden_90"] / loading["barrels_laden_33"] == pytest.approx(2.7)
    assert loading["barrels_laden_33"] < loading["barrels_p50"] < loading["barrels_laden_90"]


def test_same_seed_same_tables_and_other_seed_other_draws():
    a, b, c = run(LOOKS), run(LOOKS), run(LOOKS, seed=1)

    for name in ("observations", "visits", "loadings", "totals", "by_size_class", "throughput", "assumptions"):
        assert_frame_equal(getattr(a, name), getattr(b, name))
    assert_frame_equal(a.ledger.by_date, b.ledger.by_date)
    assert a.total()["barrels_mean"] != c.total()["barrels_mean"]
    assert a.total()["barrels_mean"] == pytest.approx(c.total()["barrels_mean"], rel=0.1)


def test_order_of_the_scenes_does_not_matter():
    forward = watched(LOOKS)
    backward = watched(dict(reversed(LOOKS.items())))

    a, b = (estimate(PORT, *scenes, CARGO, draws=300) for scenes in (forward, backward))

    assert_frame_equal(a.totals, b.totals)
    assert_frame_equal(a.visits, b.visits)


def test_more_cloud_leaves_more_unseen():
    clear: dict[float, list[Ship] | None] = {float(d): [] for d in range(40)} | {10.0: [Ship()], 25.0: [Ship()]}
    cloudy = {d: ships if ships or d % 3 == 0 else None for d, ships in clear.items()}

    a, b = run(clear), run(cloudy)

    assert b.total("unseen")["visits_mean"] > 2 * a.total("unseen")["visits_mean"]
    # A lone sighting between two empty looks a day apart is a little likelier to be a false alarm.
    assert 1.5 < a.total("seen")["visits_mean"] <= b.total("seen")["visits_mean"] <= 2.0


def test_without_any_clear_look_the_estimate_is_the_prior_and_says_so():
    e = run({0: None, 10: None})

    assert e.visits.empty
    assert e.total("seen")["barrels_p95"] == 0
    assert e.total()["barrels_p95"] > 0
    assert any("assumptions alone" in w for w in e.warnings)


def test_empty_tables_keep_their_columns_and_kinds():
    e, full = run({0: [], 1: []}), run(LOOKS)

    for name in ("observations", "visits", "loadings"):
        assert list(getattr(e, name).columns) == list(getattr(full, name).columns)
        assert getattr(e, name).dtypes.astype(str).to_dict() == getattr(full, name).dtypes.astype(str).to_dict()


def test_a_ship_that_is_probably_no_tanker_loads_less():
    sure, doubtful = (run({0: [], 3: [Ship(tanker=p)], 6: []}) for p in (0.95, 0.05))

    assert doubtful.loadings["barrels_mean"].iloc[0] < 0.6 * sure.loadings["barrels_mean"].iloc[0]


def test_approximate_berth_and_doubled_ships_are_warned_of():
    e = run({0: [], 3: [Ship(), Ship(v=18, length_m=85)], 6: []})

    assert any("approximate" in w for w in e.warnings)
    assert any("more than one ship" in w for w in e.warnings)


def test_a_note_on_several_berths_is_one_note_that_names_them_all():
    berths = [BERTH.model_copy(update={"id": name}) for name in ("A", "B", "C")]
    port = PORT.model_copy(update={"berths": tuple(berths)})

    warnings = estimate(port, *watched({0: [], 3: []}), CARGO, draws=100).warnings

    assert "The position of berths A, B and C is approximate; redraw it on a picture before relying on it." in warnings
    assert "Only 2 clear looks each at berths A, B and C: the total there rests mostly on assumptions." in warnings
    assert len(warnings) == 2


def test_a_ship_found_under_a_mask_is_told_and_not_counted():
    records, found = watched({0: [], 3: [Ship()], 6: []})
    masked = [record("s3", 3, observed=CLOUDED) if r.scene_id == "s3" else r for r in records]

    e = estimate(PORT, masked, found, CARGO, draws=100)

    assert e.visits.empty
    assert e.throughput["n_clear"].tolist() == [2]
    assert [w for w in e.warnings if "hides her; she is not counted" in w and f"{BERTH.id} (1 scene)" in w]


def test_period_leaves_scenes_outside_out():
    e = run(LOOKS, period=(at_day(8), at_day(25)))

    assert e.period == (at_day(8), at_day(25))
    assert len(e.observations) == sum(8 <= d <= 25 for d in LOOKS)
    assert e.visits["first_seen"].min() >= at_day(8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"product": "petrol"}, "known products"),
        ({"period": (at_day(20), at_day(10))}, "the earlier first"),
        ({"period": (START.replace(tzinfo=None), at_day(10).replace(tzinfo=None))}, "time zone"),
        ({"period": (at_day(100), at_day(110))}, "no scene lies within"),
    ],
)
def test_wrong_requests_are_told(options, message):
    with pytest.raises(BerthwatchError, match=message):
        run(LOOKS, **options)


def test_a_port_watched_for_long_gets_fewer_draws():
    assert estimate(PORT, *watched(LOOKS), CARGO).draws == 2000
    assert [enough_draws(n) for n in (1, 5_000, 10_000, 100_000, 10_000_000)] == [2000, 2000, 1000, 100, 100]


def test_no_scenes_are_told():
    with pytest.raises(BerthwatchError, match="no scenes"):
        estimate(PORT, [], detections({}), CARGO)


def test_ledger_starts_anew_each_january_and_reports_the_cap():
    days = [*range(290, 312, 2)]  # 7 March + 299 days is 31 December
    e = run({d: [Ship(100)] if d in (294, 306) else [] for d in days})
    by_date, by_year = e.ledger.by_date, e.ledger.by_year

    assert by_year["year"].tolist() == [2024, 2025]
    new_year = by_date[by_date["year"] == 2025]
    assert new_year["seen_mean"].iloc[0] == 0
    assert new_year["seen_mean"].iloc[-1] == pytest.approx(e.loadings["barrels_mean"].iloc[1])
    assert by_year["seen_mean"].sum() == pytest.approx(e.total("seen")["barrels_mean"])
    assert (np.diff(by_date.loc[by_date["year"] == 2024, "total_p50"]) >= 0).all()
    assert by_year["seen_fraction_of_cap_p50"].to_numpy() == pytest.approx(by_year["seen_p50"].to_numpy() / 500_000)


REPORTED = pd.DataFrame(
    {"date": pd.to_datetime(["2024-01-20", "2024-03-20"], utc=True), "barrels": [300_000.0, 150_000.0]}
)


def test_reported_deliveries_change_nothing_of_what_was_seen_and_estimated(six_weeks):
    with_reported = run(LOOKS, reported=REPORTED)

    alone, year = six_weeks.ledger.by_year.iloc[0], with_reported.ledger.by_year.iloc[0]
    own = [c for c in year.index if c.startswith(("seen_", "total_")) and "_reported_" not in c]
    assert len(own) > 30
    pd.testing.assert_series_equal(year[own], alone[own])
    assert year["reported_bbl"] == 450_000
    assert with_reported.total()["barrels_mean"] == six_weeks.total()["barrels_mean"]


def test_reported_deliveries_bound_the_total_by_the_larger_and_by_the_sum():
    year = run(LOOKS, reported=REPORTED).ledger.by_year.iloc[0]

    assert year["total_p50"] < 450_000 < year["total_or_reported_p95"] + 1
    assert year["total_or_reported_p50"] == 450_000
    assert year["total_plus_reported_p50"] == pytest.approx(year["total_p50"] + 450_000)
    assert year["total_plus_reported_fraction_of_cap_p50"] == pytest.approx(year["total_plus_reported_p50"] / 500_000)
    assert year["total_or_reported_probability_cap_passed"] < 0.1
    assert year["total_plus_reported_probability_cap_passed"] > 0.9
    assert START < year["total_plus_reported_cap_passed_by_p50"] < at_day(42)
    assert pd.isna(year["total_or_reported_cap_passed_by_p50"])


def test_without_reports_the_bounds_are_empty(six_weeks):
    year = six_weeks.ledger.by_year.iloc[0]

    assert pd.isna(year[[c for c in year.index if "_reported_" in c]].astype(object)).all()
    assert pd.notna(year["total_probability_cap_passed"])


def test_a_cap_says_nothing_of_years_before_its_first():
    later = CARGO.caps["un_dprk_refined"].model_copy(update={"from_year": 2025})
    cargo = CARGO.model_copy(update={"caps": CARGO.caps | {"un_dprk_refined": later}})
    days = {d: [Ship(100)] if d in (294, 306) else [] for d in range(290, 312, 2)}  # 7 March + 299 days: 31 December

    years = estimate(PORT, *watched(days), cargo, draws=200).ledger.by_year.set_index("year")

    assert pd.isna(years.loc[2024, "cap_bbl"])
    assert pd.isna(years.loc[2024, "total_probability_cap_passed"])
    assert years.loc[2025, "cap_bbl"] == 500_000
    assert years.loc[2025, "total_probability_cap_passed"] == 0


def test_records_outside_the_port_are_unobserved_but_counted_as_looks():
    records, found = watched({0: [], 1: [Ship()], 2: []})
    records.append(record("off-swath", 1.5, observed=CLOUDED))

    e = estimate(PORT, records, found, CARGO, draws=200)

    assert e.throughput.iloc[0][["n_looks", "n_clear", "n_occupied"]].tolist() == [4, 3, 1]
    assert e.period == (START, START + timedelta(days=2))
    assert BERTH.id == e.throughput["berth_id"].iloc[0]


def test_not_knowing_the_recall_widens_the_unseen():
    def unseen(scale_sd: float):
        recall = CARGO.detector.recall.model_copy(update={"scale_sd": scale_sd})
        cargo = CARGO.model_copy(update={"detector": CARGO.detector.model_copy(update={"recall": recall})})
        looks = {float(d): [Ship(80 + d)] if d % 8 == 4 else [] for d in range(60)}
        return estimate(PORT, *watched(looks), cargo, draws=3000).total("unseen")

    sure, unsure = unseen(0.0), unseen(0.25)

    assert unsure["visits_p95"] >= sure["visits_p95"]
    assert unsure["visits_mean"] > sure["visits_mean"]


def test_a_scene_of_another_place_is_no_look_and_stretches_no_period():
    records, ships = watched(LOOKS)
    marseille = shapely.box(5, 43, 6, 44)
    seen = {"footprint": marseille, "observed": shapely.MultiPolygon([marseille])}
    elsewhere = replace(records[-1], scene_id="elsewhere", acquired_at=at_day(1500), **seen)

    with_it = estimate(PORT, [*records, elsewhere], ships, CARGO, draws=1000)

    assert with_it.period == (at_day(0), at_day(42))
    assert_frame_equal(with_it.totals, run(LOOKS).totals)
