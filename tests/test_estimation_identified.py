"""Ships that the user knows: a name stays with the ship it was given to, and a deadweight fits the hull measured."""

import re

import pandas as pd
import pytest
from estimation_scenes import PORT, Ship, at_day, watched
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.configs.cargo import load_cargo
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.estimation.visit_list import estimate_visit_list, read_visit_list

CARGO = load_cargo()
# 68 m on 14 March, 105 m on 19 March, 80 m on 26 and 27 March; every other look shows nobody.
LOOKS = {0.0: [], 7.0: [Ship(68)], 9.0: [], 12.0: [Ship(105)], 14.0: [], 19.0: [Ship(80)], 20.0: [Ship(80)], 22.0: []}
SMALL, LARGE, LONG = "oil-1-20240314T0200", "oil-1-20240319T0200", "oil-1-20240326T0200"


def run(looks=LOOKS, **options) -> Estimate:
    return estimate(PORT, *watched(looks), CARGO, draws=200, **options)


def ship(visit_id: str, dwt_t: float = 3565.0) -> pd.DataFrame:
    return pd.DataFrame({"visit_id": [visit_id], "name": ["CHON MA SAN"], "dwt_t": [dwt_t]})


def named(result: Estimate) -> dict[float, str]:
    """Length of each identified ship, metres -> her name."""
    visits = result.visits[result.visits["identified_as"].notna()]
    return dict(zip(visits["length_m"].round().tolist(), visits["identified_as"], strict=True))


def refusal(visit_id: str, looks=LOOKS, **options) -> str:
    with pytest.raises(BerthwatchError, match=f"row 1: visit_id '{re.escape(visit_id)}' is no visit") as caught:
        run(looks, identified=ship(visit_id), **options)
    return str(caught.value)


# ---- ids


def test_a_visit_is_called_by_its_berth_and_the_minute_of_its_first_sighting():
    assert run().visits["visit_id"].tolist() == [SMALL, LARGE, LONG]


def test_a_name_stays_with_its_ship_when_an_earlier_picture_shows_another():
    earlier = {**LOOKS, 2.0: [Ship(90)], 4.0: []}

    assert named(run(identified=ship(SMALL))) == {68.0: "CHON MA SAN"}
    assert named(run(earlier, identified=ship(SMALL))) == {68.0: "CHON MA SAN"}


def test_a_name_stays_with_its_ship_when_the_period_begins_later():
    assert named(run(identified=ship(LARGE), period=(at_day(10), None))) == {105.0: "CHON MA SAN"}


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.sampled_from(sorted(LOOKS))),
    st.sampled_from([(7.0, SMALL, 68.0), (12.0, LARGE, 105.0), (19.0, LONG, 80.0)]),
)
def test_a_name_stays_with_its_ship_or_is_refused_whatever_pictures_are_left_out(gone, known):
    day, visit_id, length_m = known
    left = {day: ships for day, ships in LOOKS.items() if day not in gone} or {22.0: []}

    if day in gone:
        refusal(visit_id, left)
    else:
        assert named(run(left, identified=ship(visit_id))) == {length_m: "CHON MA SAN"}


def test_two_ships_in_pictures_minutes_apart_have_ids_of_their_own():
    looks = {0.0: [], 3.0: [Ship(60)], 3.0 + 11 / 1440: [Ship(110)], 6.0: []}

    result = run(looks)

    assert result.visits["visit_id"].tolist() == ["oil-1-20240310T0200", "oil-1-20240310T0211"]
    assert "nearest: oil-1-20240310T0200 (60 m), " in refusal("oil-1-20240310T0201", looks)


# ---- a visit that does not exist


def test_a_visit_before_the_period_is_refused_and_its_neighbours_are_named():
    told = refusal(SMALL, period=(at_day(11), None))

    assert "that is outside the period 2024-03-18 02:00 to 2024-03-29 02:00 UTC; nearest: " in told
    assert f"nearest: {LARGE} (105 m), {LONG} (80 m); `berthwatch occupancy` lists all" in told


def test_a_visit_whose_ship_an_earlier_picture_shows_too_is_refused_and_her_visit_named():
    earlier = {**LOOKS, 6.5: [Ship(68)]}

    assert "the ship there then was seen before, in oil-1-20240313T1400; nearest: " in refusal(SMALL, earlier)


def test_a_visit_that_no_picture_shows_is_refused_and_the_nearest_come_first():
    told = refusal("oil-1-20240322T0000")

    assert "with these pictures no visit begins there then" in told
    assert f"nearest: {LARGE} (105 m), {LONG} (80 m), {SMALL} (68 m)" in told


@pytest.mark.parametrize("visit_id", ["oil-1-0001", "oil-1-20241399T0200", "CHON MA SAN", ""])
def test_what_is_no_id_is_refused_and_ids_are_explained(visit_id):
    told = refusal(visit_id)

    assert "an id is a berth and the UTC minute in which the ship was first seen there" in told
    assert f"{SMALL} (68 m)" in told


def test_at_another_berth_the_visits_of_all_berths_are_named():
    assert f"no visit begins there then; nearest: {LARGE} (105 m), " in refusal("coal-20240319T0200")


def test_where_nobody_was_seen_no_visit_is_named():
    nobody = {0.0: [], 30.0: []}

    assert "no visit begins there then. Ids" in refusal(SMALL, nobody)
    assert "outside the period 2024-03-17 02:00 to " in refusal(SMALL, nobody, period=(at_day(10), None))


# ---- deadweights that do not fit


@pytest.mark.parametrize(
    ("length_m", "dwt_t", "told"),
    [
        (340, 3_000, "a ship of 340 m has about 3"),
        (68, 300_000, "a ship of 68 m has about 1,"),
        (340, 310_000, None),
        (88, 3_565, None),  # CHON MA SAN is 90 m
    ],
)
def test_a_deadweight_that_no_ship_of_that_size_has_is_warned_of(length_m, dwt_t, told):
    result = run({0.0: [], 7.0: [Ship(length_m)], 9.0: []}, identified=ship(SMALL, dwt_t))

    warned = [w for w in result.warnings if "t of deadweight" in w]
    assert result.visits["dwt_t_p50"].tolist() == [dwt_t]
    assert len(warned) == (told is not None)
    for warning in warned:
        assert warning.startswith(f"{SMALL}: {told}")
        assert f"not {dwt_t:,} t; the deadweight given is taken as it stands. Check the ship and the number." in warning


def test_the_beam_speaks_too(tmp_path):
    """5,600 t could be a ship of 90 m, not one of 90 m and 10 m beam measured to 0.3 m."""
    path = tmp_path / "visits.csv"
    path.write_text(
        "date,length_m,length_sd_m,beam_m,beam_sd_m,dwt_t\n2024-03-07,90,2,,,5600\n2024-03-08,90,2,10,0.3,5600\n"
    )

    (warning,) = estimate_visit_list(read_visit_list(path), CARGO).warnings

    assert warning.startswith("line-3: a ship of 90 m has about 2,")
