"""Cargo assumptions: sourced numbers, checked on the way in."""

from importlib import resources

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import triang

from berthwatch.configs.cargo import CargoAssumptions, Triangular, load_cargo
from berthwatch.errors import BerthwatchError

SHIPPED = yaml.safe_load((resources.files("berthwatch.configs") / "cargo.yaml").read_text())


def sourced(value, path=""):
    """(path, entry) of every mapping that holds a number."""
    if isinstance(value, dict):
        if {"value", "mode", "barrels_per_year", "recall"} & set(value) and not isinstance(value.get("recall"), dict):
            yield path, value
        for key, inner in value.items():
            yield from sourced(inner, f"{path}.{key}")


def test_every_shipped_number_has_a_source():
    entries = dict(sourced(SHIPPED))

    assert len(entries) > 25
    assert all(entry.get("source") for entry in entries.values()), entries


def test_the_refined_cap_is_half_a_million_barrels_a_year():
    cap = load_cargo().cap("un_dprk_refined")

    assert cap is not None
    assert (cap.barrels_per_year, cap.from_year) == (500_000, 2018)


def test_the_un_scenarios_are_a_third_a_half_and_nine_tenths():
    scenarios = load_cargo().laden.scenarios

    assert [scenarios[k].value for k in ("33", "50", "90")] == pytest.approx([1 / 3, 0.5, 0.9])


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (
            ("products", "gasoil", "barrels_per_tonne", "low"),
            -7.2,
            r"products\.gasoil\.barrels_per_tonne\.low.*got -7.2",
        ),
        (("products", "gasoil", "barrels_per_tonne", "low"), 9, "must not descend, got 9"),
        (("laden", "mean", "value"), 1.2, "share between 0 and 1, got 1.2"),
        (("laden", "call_sd", "value"), 0.6, "call_sd must be below 0.40"),
        (("laden", "scenarios"), {"33": SHIPPED["laden"]["scenarios"]["33"]}, "'33', '50' and '90'"),
        (("detector", "recall", "recall"), [0.1, 0.2], "5 lengths but 2 recalls"),
        (("detector", "recall", "length_px"), [4, 3, 15, 30, 60], "must ascend"),
        (("default_product",), "petrol", "'petrol' is not among products"),
        (("traffic", "stay_hours"), 3, "unknown key; did you mean 'stay_h'"),
        (("traffic", "arrivals_per_day", "value"), 0, "above 0"),
        (("pumping", "other_h", "source"), "", r"pumping\.other_h\.source"),
        (("detector", "recall", "scale_sd"), 0.8, r"recall\.scale_sd.*got 0.8"),
        (("detector", "recall", "length_px"), [-4, 8, 15, 30, 60], "must ascend"),
        (("detector", "false_alarms_per_look", "value"), 3, r"within 0 and 0.5 \(a probability\), got 3"),
        (("products", "gasoil", "barrels_per_tonne", "high"), 750, "within 6 and 12.6 barrels a tonne, got 750"),
        (("products", "gasoil", "barrels_per_tonne", "mode"), float("nan"), "finite number, got nan"),
        (("products", "gasoil", "barrels_per_tonne", "high"), float("inf"), "finite number, got inf"),
        (("deadweight", "fleet_bias_ln", "value"), float("nan"), "fleet_bias_ln.value: .*finite"),
        (("deadweight", "fleet_bias_sd_ln", "value"), 7, "within 0 and 1 .*got 7"),
        (("capacity", "cargo_share_of_dwt", "high"), 95, r"\(a share, not per cent\), got 95"),
        (("capacity", "tank_filling_limit", "value"), 98, r"tank_filling_limit.*a share, not per cent.*got 98"),
        (("laden", "scenarios", "50", "value"), 50, r"scenarios\.50.*a share, not per cent.*got 50"),
        (("traffic", "stay_h", "low"), 0.2, "within 2 and 2400 hours, got 0.2"),
        (("traffic", "stay_h", "low"), 22, "high must be 3 to 60 times low, .*got 22 to 48"),
        (("traffic", "arrivals_per_day", "value"), 73, "within 0 and 12 arrivals a day, got 73"),
        (("pumping", "rate_m3_per_h", "high"), 1e6, "within 10 and 30000 m3 an hour"),
        (("caps", "un_dprk_refined", "from_year"), -5, r"from_year.*got -5"),
    ],
)
def test_a_wrong_number_is_told_by_file_field_and_value(tmp_path, where, value, message):
    content = yaml.safe_load(yaml.safe_dump(SHIPPED))
    target = content
    for key in where[:-1]:
        target = target[key]
    target[where[-1]] = value
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))

    with pytest.raises(BerthwatchError, match=message) as caught:
        load_cargo(path)

    assert str(caught.value).startswith(str(path))


def test_unknown_product_and_cap_list_the_known_ones():
    cargo = load_cargo()

    with pytest.raises(BerthwatchError, match="known products: mixed, gasoil"):
        cargo.product("petrol")
    with pytest.raises(BerthwatchError, match="known caps: un_dprk_refined"):
        cargo.cap("un")


def triangular(low, mode, high):
    return Triangular(low=low, mode=mode, high=high, status="assumed", source="a test")


@given(st.lists(st.floats(0.1, 50), min_size=3, max_size=3).map(sorted))
def test_triangular_quantiles_are_those_of_scipy(ends):
    low, mode, high = ends
    if high - low < 1e-3:
        return
    p = np.linspace(0, 1, 21)

    ours = triangular(low, mode, high).quantile(p)

    assert ours == pytest.approx(triang((mode - low) / (high - low), low, high - low).ppf(p), rel=1e-6)


def test_a_number_known_exactly_is_that_number():
    assert triangular(7.46, 7.46, 7.46).quantile(np.array([0.0, 0.3, 1.0])).tolist() == [7.46] * 3


def test_recall_is_what_was_measured_with_the_shipped_weights():
    recall = load_cargo().detector.recall

    assert recall.at(np.linspace(60, 200, 50), 3).mean() == pytest.approx(0.70, abs=0.04)
    assert recall.at(np.linspace(80, 200, 50), 10).mean() == pytest.approx(0.72, abs=0.06)
    assert "berthwatch evaluate" in recall.source


def test_recall_grows_with_length_in_pixels():
    recall = load_cargo().detector.recall

    assert recall.at(90, 10) < recall.at(90, 3)
    assert isinstance(load_cargo(), CargoAssumptions)
