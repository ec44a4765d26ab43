"""The tornado: which assumptions are varied, how far, and which way the result moves."""

import numpy as np
import pytest
from estimation_scenes import PORT, Ship, watched

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.estimate import estimate
from berthwatch.estimation.sensitivity import sensitivity, variations

CARGO = load_cargo()


def varied(name):
    (found,) = [v for v in variations(CARGO, CARGO.default_product) if name in v.name]
    return found


def test_recall_is_varied_over_what_its_scale_leaves_open():
    recall = varied("recall")

    assert (recall.low, recall.high) == pytest.approx((1 - 1.645 * 0.15, 1 + 1.645 * 0.15))
    for factor, at in ((recall.low, recall.at_low), (recall.high, recall.at_high)):
        curve = at.detector.recall
        assert curve.scale_sd == 0
        assert curve.recall == pytest.approx([min(1.0, factor * r) for r in CARGO.detector.recall.recall])


def test_each_variation_changes_one_assumption_and_names_another_thing():
    found = list(variations(CARGO, CARGO.default_product, pump_limit=True))

    assert len({v.name for v in found}) == len(found)
    for v in found:
        assert v.low < v.high
        assert v.at_low != CARGO != v.at_high


def test_what_moves_the_result_most_comes_first_and_recall_moves_it_the_right_way():
    looks = watched({float(day): [Ship(70 + day)] if day % 6 == 3 else [] for day in range(0, 60, 2)})

    table = sensitivity(
        lambda cargo: estimate(PORT, *looks, cargo, draws=400).total()["barrels_mean"], CARGO, CARGO.default_product
    )

    assert (np.diff(table["swing"]) <= 0).all()
    by_name = table.set_index("name")
    recall = by_name.loc["recall of the detector, all lengths"]
    assert recall["barrels_at_low"] > recall["barrels_at_high"]
    laden = by_name.loc["laden fraction, mean of the port"]
    assert laden["barrels_at_low"] < laden["barrels"] < laden["barrels_at_high"]


def test_pumping_is_varied_only_where_it_bounds_a_cargo_and_a_quicker_pump_loads_more():
    looks = watched({hours / 24: [Ship(90)] if 24 <= hours <= 30 else [] for hours in range(0, 96, 6)})
    without = {v.name for v in variations(CARGO, CARGO.default_product)}

    table = sensitivity(
        lambda cargo: estimate(PORT, *looks, cargo, draws=400, pump_limit=True).total()["barrels_mean"],
        CARGO,
        CARGO.default_product,
        pump_limit=True,
    ).set_index("name")

    assert set(table.index) - without == {"pumping rate", "time at the berth without pumping"}
    rate, idle = table.loc["pumping rate"], table.loc["time at the berth without pumping"]
    assert rate["barrels_at_low"] < rate["barrels"] < rate["barrels_at_high"]
    assert idle["barrels_at_low"] > idle["barrels_at_high"]
