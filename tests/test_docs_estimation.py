"""The page on the estimator: its worked example is what the code gives, its table what was measured."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import load_port
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.chain import BerthChain, mean_stay_h
from berthwatch.estimation.filtering import Evidence, Forward, Segments
from berthwatch.estimation.histories import sample_histories
from berthwatch.estimation.looks import SIGHTING, VACANT, length_prior, with_lengths
from berthwatch.estimation.sightings import Sightings
from berthwatch.estimation.visit_list import read_visit_list

CHECKOUT = Path(__file__).parent.parent
PAGE = (CHECKOUT / "docs" / "estimation.md").read_text()
TRAFFIC = load_cargo().traffic
BERTH = load_port("vostochny").oil_berths[0]
CHAIN = BerthChain(6, np.array([0.2 / 24]), np.array([mean_stay_h(TRAFFIC)]), np.zeros(1), TRAFFIC.turnaround_h.value)
FALSE_ALARM, MISS = 0.01, 0.3


def example(second_m):
    """The looks of the worked example."""
    length = np.array([92.0, second_m])
    none = np.zeros(2)
    sightings = Sightings(
        lane=np.zeros(2, np.int64), look=np.array([1, 2]), at_s=np.array([24.0, 48.0]) * 3600,
        ln_length=np.log(length), ln_length_sd=5 / length, x=none, error_sd=none + 1, scatter_sd=none,
        tanker_log_odds=none,
    )  # fmt: skip
    outcome = np.array([VACANT, SIGHTING, SIGHTING, VACANT], np.int8)[:, None]
    prior = length_prior([BERTH.ship_length_m], TRAFFIC)
    return with_lengths(np.arange(4) * 24, outcome, np.full((4, 1), MISS), sightings, prior)


def filtered(looks):
    """Rows of the example's table: states before, weights of the look, states after, each of three."""
    evidence = Evidence.of(CHAIN, looks, FALSE_ALARM, 0.0)
    one = np.zeros(1, np.int64)
    before, rows = CHAIN.stationary[0], []
    for j, states in enumerate(Segments(evidence, Forward(evidence), one, one, one).filtered(0)):
        after = states[:, 0].astype(float) / states[:, 0].sum()
        weights = evidence.weight[j, 0, 0, :3]
        rows.append([*lumped(before), *weights, *lumped(after)])
        before = after @ CHAIN.step(24).full[0]
    return np.array(rows)


def lumped(states):
    """Probability of empty, of a ship not seen yet, of the ship seen last."""
    return states[0] + states[-1], states[1:7].sum(), states[7:13].sum()


def drawn(looks):
    """Share of histories with one ship, with any ship; calls seen and unseen on average."""
    n = 100_000
    h = sample_histories(CHAIN, looks, false_alarm=FALSE_ALARM, draws=n, rng=np.random.default_rng(0))
    return h.same[2].mean(), h.real[2].mean(), (h.real & ~h.same).sum() / n, len(h.unseen_hour) / n


def between(name):
    """Cells of the table between two marks of the page, without its head."""
    table = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.DOTALL)
    assert table
    return [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in table[1].splitlines()[2:]]


def test_the_worked_example_is_what_the_filter_gives():
    told = np.array([[float(cell) for cell in row[2:]] for row in between("example")])

    assert told == pytest.approx(filtered(example(95.0)), abs=0.0006)


def test_the_weight_of_a_state_after_a_look_is_that_before_times_the_look():
    # Bayes by hand, from the page alone: 0.832 * 0.99 against 0.168 * 0.30.
    for row in between("example"):
        before, weight, after = np.array([float(cell) for cell in row[2:]]).reshape(3, 3)
        product = before * weight
        if row[1] != "nobody":
            product = np.array([product[0], 0, product[1] + product[2]])  # she is now the ship seen last
        assert product / product.sum() == pytest.approx(after, abs=0.002)


def test_the_figures_of_the_histories_are_those_drawn():
    told = [float(figure.rstrip("%")) for figure in re.findall(r"\*\*([\d.]+ ?%?)\*\*", PAGE.replace(" %", "%"))]
    one, real, seen, unseen = drawn(example(95.0))
    other, _, seen_if_other, _ = drawn(example(75.0))

    assert told == pytest.approx([100 * one, 100 * real, seen, unseen, 100 * other, seen_if_other], abs=0.5, rel=0.02)


def test_the_columns_of_a_list_of_visits_are_those_that_are_read(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text("nothing known\n")

    with pytest.raises(BerthwatchError) as error:
        read_visit_list(path)

    known = str(error.value).partition("known columns: ")[2].split(", ")
    assert sorted(re.findall(r"`(\w+)`", " ".join(row[0] for row in between("list")))) == sorted(known)


@pytest.fixture(scope="module")
def coverage():
    sys.path.insert(0, str(CHECKOUT))
    from benchmarks import coverage as module

    yield module
    sys.path.remove(str(CHECKOUT))


def measured():
    return json.loads((CHECKOUT / "docs" / "coverage.json").read_text())


def test_the_measured_grid_is_whole_and_within_what_is_wanted(coverage):
    grid = [r for r in measured() if r["part"] == "grid"]

    given = {(r["scenario"]["revisit_days"], r["scenario"]["cloud"]) for r in grid}
    assert given == {(float(days), cloud) for days in (1, 2, 3, 5) for cloud in (0.0, 0.3, 0.6)}
    for r in grid:
        assert r["scenario"]["port_years"] >= 2000
        assert 0.87 <= r["coverage_90"] <= 0.93
        assert 0.46 <= r["coverage_50"] <= 0.54
        assert abs(r["bias"]) < 0.03


def test_the_page_of_coverage_is_what_was_measured(coverage):
    assert (CHECKOUT / "docs" / "coverage.md").read_text() == coverage.page(measured())
    assert [r["command"] for r in measured()] == [cell.command for cell in coverage.cells()]


def test_the_table_of_this_page_is_what_was_measured():
    grid = {(r["scenario"]["revisit_days"], r["scenario"]["cloud"]): r for r in measured() if r["part"] == "grid"}

    for days, *shares in between("coverage"):
        for cloud, share in zip((0.0, 0.3, 0.6), shares, strict=True):
            assert share == f"{100 * grid[float(days), cloud]['coverage_90']:.1f} %"
