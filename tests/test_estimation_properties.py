"""What must hold of any estimate: vacant looks, larger ships, wider inputs, units.

Means over draws carry the noise of sampling; tolerances are that noise, not slack for the property.
"""

from dataclasses import replace

import numpy as np
import pytest
from estimation_scenes import PORT, Ship, at_day, watched
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.configs.cargo import BARRELS_PER_M3, CargoAssumptions, Triangular, load_cargo
from berthwatch.estimation.calls import Calls
from berthwatch.estimation.cargo import barrels_loaded, draw_cargo, full_cargo, scenario_barrels
from berthwatch.estimation.estimate import Estimate, estimate

CARGO = load_cargo()
Looks = dict[float, list[Ship] | None]


def run(looks: Looks, *, cargo: CargoAssumptions = CARGO, draws: int = 3000) -> Estimate:
    """Thirty days, whatever the looks, so that totals compare."""
    return estimate(PORT, *watched(looks), cargo, draws=draws, period=(at_day(0), at_day(30)))


def error_of_mean(result: Estimate) -> float:
    total = result.total()
    return (total["barrels_p95"] - total["barrels_p05"]) / 3.29 / np.sqrt(result.draws)


# ---- a vacant look

TWO_VISITS: Looks = {0.0: [], 5.0: [Ship(88)], 10.0: [], 16.0: [Ship(95)], 22.0: [], 30.0: []}


@pytest.fixture(scope="module")
def two_visits() -> Estimate:
    return run(TWO_VISITS)


@settings(max_examples=12)
@given(day=st.floats(0.05, 29.95).filter(lambda d: min(abs(d - look) for look in TWO_VISITS) > 0.05))
def test_a_vacant_look_never_raises_the_barrels(two_visits, day):
    more = run(TWO_VISITS | {day: []})

    noise = 3 * np.hypot(error_of_mean(two_visits), error_of_mean(more))
    assert more.total()["barrels_mean"] <= two_visits.total()["barrels_mean"] + noise


def test_a_vacant_look_far_from_all_ships_lowers_the_barrels(two_visits):
    more = run(TWO_VISITS | {26.0: []})

    assert more.total()["barrels_mean"] < two_visits.total()["barrels_mean"]


def test_only_between_two_sightings_of_one_hull_it_raises_them_for_she_may_have_been_two_ships():
    """The exception: there a vacant look is evidence that one ship left and another of her size came."""
    one_visit: Looks = {0.0: [], 5.0: [Ship(88)], 6.0: [Ship(89)], 10.0: [], 30.0: []}

    before, after = run(one_visit), run(one_visit | {5.5: []})

    assert before.visits["n_sightings"].tolist() == [2]
    assert after.loadings["calls_mean"].sum() > before.loadings["calls_mean"].sum()
    assert after.total("seen")["barrels_mean"] > before.total("seen")["barrels_mean"]


# ---- a larger ship


@settings(max_examples=12)
@given(
    length_m=st.floats(45, 300),
    factor=st.floats(1.05, 1.3),
    others=st.lists(st.floats(60, 120), max_size=2),
)
def test_a_larger_ship_never_gives_fewer_barrels(length_m, factor, others):
    def with_ship(length: float) -> Estimate:
        looks: Looks = {0.0: [], 5.0: [Ship(length)], 8.0: [], 30.0: []}
        looks |= {11.0 + 6 * i: [Ship(other)] for i, other in enumerate(others)}
        looks |= {14.0 + 6 * i: [] for i in range(len(others))}
        return run(looks, draws=2000)

    small, large = with_ship(length_m), with_ship(length_m * factor)

    # 5 % in length are 15 % in deadweight and more; sampling moves a mean by 1 to 2 %.
    for name in ("barrels_mean", "barrels_laden_33", "barrels_laden_90"):
        assert large.loadings[name].iloc[0] > small.loadings[name].iloc[0]
    assert large.total("seen")["barrels_mean"] > small.total("seen")["barrels_mean"]


# ---- a wider input


def ln_width(result: Estimate) -> float:
    total = result.total()
    return float(np.log(total["barrels_p95"] / total["barrels_p05"]))


@settings(max_examples=8)
@given(length_m=st.floats(60, 150), sd_m=st.floats(1, 6), factor=st.floats(2, 4))
def test_a_less_certain_length_never_narrows_the_interval(length_m, sd_m, factor):
    def of_visit(sd: float) -> float:
        looks: Looks = {0.0: [], 5.0: [Ship(length_m, length_sd_m=sd)], 8.0: [], 30.0: []}
        loading = run(looks, draws=4000).loadings.iloc[0]
        # The 5 % point may be nothing, where she may be a false alarm: half of the interval then.
        return float(np.log(loading["barrels_p95"] / loading["barrels_p25"]))

    assert of_visit(sd_m * factor) > of_visit(sd_m) - 0.03


def with_spread(group: str, field: str, factor: float) -> CargoAssumptions:
    """The assumptions with one number's spread multiplied."""
    section = getattr(CARGO, group)
    number = getattr(section, field)
    if isinstance(number, Triangular):
        reach = factor * min(number.mode - number.low, number.high - number.mode)
        other = number.model_copy(update={"low": number.mode - reach, "high": number.mode + reach})
    else:
        other = number.model_copy(update={"value": factor * number.value})
    return CARGO.model_copy(update={group: section.model_copy(update={field: other})})


@pytest.mark.parametrize(
    ("group", "field"),
    [
        ("laden", "port_sd"),
        ("laden", "call_sd"),
        ("deadweight", "fleet_bias_sd_ln"),
        ("traffic", "stay_sd_ln"),
    ],
)
def test_a_less_certain_assumption_never_narrows_the_interval(two_visits, group, field):
    assert ln_width(run(TWO_VISITS, cargo=with_spread(group, field, 1.6))) > ln_width(two_visits) - 0.06


@pytest.mark.parametrize("field", ["cargo_share_of_dwt", "tank_volume_m3_per_dwt_t"])
def test_a_wider_range_of_a_capacity_never_narrows_the_interval(field):
    narrow, wide = (run(TWO_VISITS, cargo=with_spread("capacity", field, factor)) for factor in (0.25, 1.0))

    assert ln_width(wide) > ln_width(narrow) - 0.06


def test_not_knowing_the_recall_never_narrows_the_interval(two_visits):
    recall = CARGO.detector.recall
    sure = recall.model_copy(update={"scale_sd": 0.0})
    exact = CARGO.model_copy(update={"detector": CARGO.detector.model_copy(update={"recall": sure})})

    assert ln_width(two_visits) > ln_width(run(TWO_VISITS, cargo=exact)) - 0.06


# ---- units


def fifty_calls(dwt_t: np.ndarray) -> Calls:
    n = len(dwt_t)
    return Calls(
        draws=n,
        draw=np.arange(n),
        at_s=np.zeros(n),
        berth=np.zeros(n, np.int64),
        visit=np.zeros(n, np.int64),
        ln_dwt=np.log(dwt_t),
        tanker=np.ones(n, bool),
    )


@given(factor=st.floats(0.1, 100), seed=st.integers(0, 1000))
def test_barrels_are_proportional_to_tonnes_of_deadweight(factor, seed):
    dwt_t = np.random.default_rng(seed).uniform(800, 9000, 50)
    common = draw_cargo(CARGO, None, 50, np.random.default_rng(seed))

    small, large = (
        barrels_loaded(fifty_calls(dwt), common, CARGO, np.random.default_rng(seed)) for dwt in (dwt_t, factor * dwt_t)
    )

    assert large == pytest.approx(factor * small)


@given(factor=st.floats(0.5, 1.5), seed=st.integers(0, 1000))
def test_barrels_are_proportional_to_barrels_per_tonne_and_tank_volume_together(factor, seed):
    """Both limits of a full cargo are barrels: tonnes x bbl/t, and m3 x bbl/m3."""
    calls = fifty_calls(np.random.default_rng(seed).uniform(800, 9000, 50))
    common = draw_cargo(CARGO, None, 50, np.random.default_rng(seed))
    scaled = replace(
        common,
        barrels_per_tonne=factor * common.barrels_per_tonne,
        tank_barrels_per_dwt_t=factor * common.tank_barrels_per_dwt_t,
    )

    assert full_cargo(calls, scaled) == pytest.approx(factor * full_cargo(calls, common))


def test_a_full_cargo_in_barrels_worked_out_by_hand():
    """3,500 t: by weight 0.9 x 3,500 t x 7.46 bbl/t; by volume 0.98 x 1.14 m3/t x 3,500 t / 0.158987 m3/bbl."""
    common = replace(
        draw_cargo(CARGO, "gasoil", 1, np.random.default_rng(0)),
        barrels_per_tonne=np.array([7.46]),
        cargo_share_of_dwt=np.array([0.9]),
        tank_barrels_per_dwt_t=np.array([0.98 * 1.14 * BARRELS_PER_M3]),
        fleet_bias_ln=np.array([0.0]),
    )
    calls = fifty_calls(np.array([3500.0]))

    assert full_cargo(calls, common)[0] == pytest.approx(23_499, abs=1)
    light = replace(common, barrels_per_tonne=np.array([8.35]))
    assert full_cargo(calls, light)[0] == pytest.approx(0.98 * 1.14 * 3500 / 0.158987294928, rel=1e-5)
    assert scenario_barrels(calls, common, CARGO)["50"][0] == pytest.approx(0.5 * 3500 * 7.46)


def test_a_barrel_is_42_us_gallons():
    gallon_m3 = 231 * 0.0254**3  # 231 cubic inches

    assert pytest.approx(1 / (42 * gallon_m3), rel=1e-5) == BARRELS_PER_M3
