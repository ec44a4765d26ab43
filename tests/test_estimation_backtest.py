"""Public cases: our figures beside the published ones."""

import pytest

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.case import Case, load_cases
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.backtest import backtest

CARGO = load_cargo()
CASES = {case.id: case for case in load_cases()}


def results(case_id):
    return {c.published.name: c for c in backtest(CASES[case_id], CARGO).comparisons}


def test_the_four_cases_ship():
    assert set(CASES) == {
        "2018-calls-january-may", "2018-deliveries", "2024-vostochny-march", "2024-vostochny-march-november",
    }  # fmt: skip


@pytest.mark.parametrize("case_id", CASES)
def test_every_judged_figure_agrees(case_id):
    judged = [c for c in results(case_id).values() if c.agrees is not None]

    assert judged
    assert all(c.agrees for c in judged), judged
    assert CASES[case_id].differs


def test_eighty_nine_calls_at_a_third_a_half_and_nine_tenths():
    ours = results("2018-calls-january-may")

    assert [round(ours[n].mean) for n in ("one third laden", "half laden", "90 % laden")] == [
        506_529,
        759_793,
        1_367_627,
    ]


def test_five_tankers_of_90_m_carry_about_a_quarter_of_the_cap():
    ours = results("2024-vostochny-march")["up to 125,000 barrels, a quarter of the cap"]

    assert ours.mean == pytest.approx(125_000, rel=0.08)
    assert ours.p95 < 1.5 * 125_000


def test_an_interval_that_holds_everything_would_prove_nothing():
    for case_id in CASES:
        for c in results(case_id).values():
            assert c.agrees is None or c.p95 < 2 * c.p05


def test_our_default_stands_beside_every_case_unjudged_and_below_full_cargoes():
    for case_id in CASES:
        full = [c for c in results(case_id).values() if c.published.ours == "full"]
        (default,) = [c for c in results(case_id).values() if c.published.ours == "loaded"]
        assert default.agrees is None
        assert default.mean == pytest.approx(0.8 * full[0].mean, rel=0.02)
        assert default.above < 0.95


def test_a_false_figure_is_found_out():
    case = CASES["2024-vostochny-march"]
    wrong = case.published[0].model_copy(update={"barrels": 250_000.0})

    result = backtest(case.model_copy(update={"published": (wrong,)}), CARGO)

    assert result.comparisons[0].agrees is False


@pytest.mark.parametrize(
    ("ships", "message"),
    [
        ({"source": "x"}, "exactly one"),
        ({"source": "x", "length_m": 90}, "come together"),
        ({"source": "x", "dwt_t": [-3]}, "above 0 tonnes, got -3"),
    ],
)
def test_a_case_with_wrong_ships_is_refused(ships, message):
    content = CASES["2018-deliveries"].model_dump() | {"ships": ships}

    with pytest.raises(ValueError, match=message):
        Case.model_validate(content)


def test_an_unknown_product_is_told():
    with pytest.raises(BerthwatchError, match="known products"):
        backtest(CASES["2018-deliveries"].model_copy(update={"product": "petrol"}), CARGO)
