"""Histories drawn from the looks: against brute force, and the properties that anyone would ask for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.chain import BerthChain
from berthwatch.estimation.filtering import Evidence, Forward
from berthwatch.estimation.histories import Histories, draw_levels, sample_histories
from berthwatch.estimation.looks import NO_LOOK, SIGHTING, VACANT, Looks

CHAIN = BerthChain.of(load_cargo().traffic)
MISS, FALSE_ALARM, NAMES, MISREAD = 0.15, 0.1, 5, 0.1


def shows(seen: int, hull: np.ndarray) -> np.ndarray:
    """Chance that a look reads name `seen` on a hull: one of five names, misread now and then."""
    return (1 - MISREAD) * (hull == seen) + MISREAD / NAMES


def looks(hours: list[int], names: list[int | None], clouded: tuple[int, ...] = ()) -> Looks:
    """Looks that show a name, nothing (None), or are clouded."""
    outcome = np.array([NO_LOOK if i in clouded else VACANT if n is None else SIGHTING for i, n in enumerate(names)])
    ln_same, before = np.zeros(len(names)), None
    for i in np.flatnonzero(outcome == SIGHTING):
        if before is not None:
            hulls = np.arange(NAMES)
            ln_same[i] = np.log((shows(names[i], hulls) * shows(before, hulls)).sum())
        before = names[i]
    column = [np.asarray(v)[:, None] for v in (outcome, np.full(len(names), MISS))]
    same = np.full(len(names), np.log(1 / NAMES))
    return Looks(np.array(hours), column[0].astype(np.int8), column[1], same[:, None], ln_same[:, None], same[:, None])


def sample(watched: Looks, draws: int = 20_000, seed: int = 0) -> Histories:
    return sample_histories(CHAIN, watched, false_alarm=FALSE_ALARM, draws=draws, rng=np.random.default_rng(seed))


def unseen(histories: Histories, lane: int = 0) -> np.ndarray:
    """(D,) unseen visits of each draw."""
    mine = histories.unseen_lane == lane
    return np.bincount(histories.unseen_draw[mine], minlength=histories.stay_h.shape[1])


def brute_force(hours: list[int], names: list[int | None], wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Seen and unseen visits in simulated histories that happen to give exactly these looks."""
    rng = np.random.default_rng(1)
    seen_kept, unseen_kept = [], []
    while sum(map(len, seen_kept)) < wanted:
        n = 100_000
        point = rng.choice(len(CHAIN.stay_h), n, p=np.exp(CHAIN.ln_prior))
        idle, stay, k = 1 / CHAIN.rate_per_h[point], CHAIN.stay_h[point], CHAIN.stages
        clear = CHAIN.turnaround_h
        at = rng.random(n) * (idle + stay + clear)
        taken, cleared = at < stay, at > stay + idle
        arrival = np.where(taken, 0.0, rng.exponential(idle) + cleared * rng.exponential(clear, n))
        departure = arrival + rng.gamma(np.where(taken, rng.integers(1, k + 1, n), k)) * stay / k
        times = []
        for _ in range(14):
            times.append((arrival, departure))
            arrival = departure + rng.exponential(clear, n) + rng.exponential(idle)
            departure = arrival + rng.gamma(k, size=n) * stay / k
        arrivals, departures = (np.stack(t, axis=1) for t in zip(*times, strict=True))
        hull = rng.integers(0, NAMES, arrivals.shape)
        fits, shown = np.ones(n, bool), np.zeros(arrivals.shape, bool)
        for hour, name in zip(hours, names, strict=True):
            there = (arrivals <= hour) & (departures > hour)
            taken, call = there.any(axis=1), there.argmax(axis=1)
            found = np.where(taken, rng.random(n) > MISS, rng.random(n) < FALSE_ALARM)
            own = hull[np.arange(n), call]
            read = np.where(taken & (rng.random(n) > MISREAD), own, rng.integers(0, NAMES, n))
            fits &= ~found if name is None else found & (read == name)
            shown[np.arange(n), call] |= found & taken
        inside = arrivals[fits] < hours[-1]
        seen_kept.append((shown[fits] & inside).sum(axis=1))
        unseen_kept.append((~shown[fits] & inside).sum(axis=1))
    return np.concatenate(seen_kept), np.concatenate(unseen_kept)


@pytest.mark.parametrize(
    ("hours", "names"),
    [
        ([0, 24, 48, 60], [None, 2, 2, None]),
        ([0, 30, 48, 100], [1, None, 2, None]),
        ([0, 60, 120], [None, None, None]),
    ],
    ids=["one ship twice", "two ships", "nothing seen"],
)
def test_histories_are_those_of_brute_force(hours, names):
    histories = sample(looks(hours, names))
    seen_true, unseen_true = brute_force(hours, names, wanted=4_000)

    seen = (histories.real & ~histories.same)[:, 0].sum(axis=0)
    # Shares of 4,000 simulated histories: standard error at most 0.8 %, of the drawn ones 0.35 %.
    for ours, theirs in ((seen, seen_true), (unseen(histories), unseen_true)):
        for number in range(4):
            assert (ours == number).mean() == pytest.approx((theirs == number).mean(), abs=0.03)
        assert ours.mean() == pytest.approx(theirs.mean(), abs=0.04)


def test_a_long_run_of_looks_is_filtered_in_segments_alike():
    # 200 looks span four segments; lane 0 of two lanes must not depend on the other.
    hours, names = list(range(0, 200 * 12, 12)), [3 if i % 40 < 3 else None for i in range(200)]
    one = looks(hours, names)
    planes = {n: np.repeat(getattr(one, n), 2, axis=1) for n in ("outcome", "miss", "ln_new", "ln_same", "ln_false")}
    planes["outcome"][:, 1] = VACANT
    two = replace(one, **planes)

    alone, beside = sample(one, draws=4_000), sample(two, draws=4_000)

    assert (alone.real & ~alone.same)[:, 0].sum(axis=0).mean() == pytest.approx(5, abs=0.3)
    assert (beside.real & ~beside.same)[:, 0].sum(axis=0).mean() == pytest.approx(5, abs=0.3)
    assert unseen(beside).mean() == pytest.approx(unseen(alone).mean(), rel=0.1)
    assert not beside.real[:, 1].any()


def test_the_same_seed_gives_the_same_histories():
    watched = looks([0, 24, 48], [None, 1, None])

    a, b = sample(watched, 500), sample(watched, 500)

    assert (a.same == b.same).all()
    assert (a.unseen_hour == b.unseen_hour).all()


def test_clouded_looks_tell_nothing():
    clear = looks([0, 24, 48, 72], [None, 1, None, None])
    with_cloud = looks([0, 12, 24, 36, 48, 72], [None, None, 1, 2, None, None], clouded=(1, 3))

    assert unseen(sample(with_cloud)).mean() == pytest.approx(unseen(sample(clear)).mean(), abs=0.02)


def test_unseen_ships_come_within_the_period():
    hour = sample(looks([0, 60, 120], [None, 1, None])).unseen_hour

    assert hour.min() >= 0
    assert hour.max() <= 120


@settings(deadline=None, max_examples=15)
@given(st.integers(120, 220))
def test_an_empty_look_far_from_any_sighting_never_raises_the_visits(hour):
    # Days after the last sighting: whether the ship stayed long or short is not touched by it.
    hours, names = [0, 24, 48, 72, 108, 144, 180, 216, 240], [None, 1, None, *[None] * 6]
    clouded = (4, 5, 6, 7)
    more = sorted({*hours, hour})
    without = looks(hours, names, clouded)
    with_look = looks(
        more,
        [1 if h == 24 else None for h in more],
        tuple(i for i, h in enumerate(more) if h in (108, 144, 180, 216) and h != hour),
    )

    def visits(watched: Looks) -> float:
        histories = sample(watched, 30_000)
        return float((histories.real & ~histories.same)[:, 0].sum() + len(histories.unseen_hour)) / 30_000

    assert visits(with_look) <= visits(without) + 0.01


def test_a_surer_detector_leaves_fewer_unseen():
    poor = looks([0, 24, 48, 72, 96], [None, 1, None, None, None])
    good = replace(poor, miss=np.full_like(poor.miss, 0.02))

    assert unseen(sample(good)).mean() < unseen(sample(poor)).mean()


def test_a_name_that_differs_makes_two_visits_of_two_sightings():
    same, other = (sample(looks([0, 24, 48, 72], [None, 1, name, None])) for name in (1, 2))

    assert same.same[2, 0].mean() > 0.7
    assert other.same[2, 0].mean() < 0.2


@pytest.mark.parametrize("lanes", [1, 2, 5, 16])
def test_without_looks_the_common_recall_stays_as_uncertain_as_believed_however_many_the_berths(lanes):
    nothing_seen = np.broadcast_to(CHAIN.ln_prior[:, None, None], (len(CHAIN.ln_prior), 3, lanes))

    level = draw_levels(nothing_seen, np.log([1 / 6, 4 / 6, 1 / 6]), 64, True, np.random.default_rng(0))

    # 64 / 6 = 10.7: each draw has its own 64th of the distribution, so counts are off by one at most.
    assert np.bincount(level[:, 0], minlength=3) == pytest.approx([10.7, 42.7, 10.7], abs=1)
    assert (level == level[:, :1]).all()


RECALL, RECALL_SD = 0.5, 0.25
SCALES = 1 + np.sqrt(3) * RECALL_SD * np.array([-1, 0, 1])


def at_berths(watched: Looks, recall: float, lanes: int) -> Looks:
    """The same looks at some berths, by a detector of that recall."""
    planes = {n: np.repeat(getattr(watched, n), lanes, axis=1) for n in ("outcome", "ln_new", "ln_same", "ln_false")}
    return replace(watched, **planes, miss=np.full((len(watched.hour), lanes), 1 - recall))


@pytest.mark.parametrize("lanes", [1, 4, 12])
def test_the_common_recall_is_the_prior_times_what_each_berth_says_of_it(lanes):
    watched = looks(list(range(0, 480, 24)), [1 if day % 7 == 3 else None for day in range(20)])
    draws, rng = 10_000, np.random.default_rng(0)
    known = [at_berths(watched, scale * RECALL, lanes) for scale in SCALES]
    exact = [Forward(Evidence.of(CHAIN, there, FALSE_ALARM, recall_scale_sd=0.0)) for there in known]
    ln_berth = [np.logaddexp.reduce(CHAIN.ln_prior + forward.ln_likelihood[:, 0, 0]) for forward in exact]
    weight = np.array([1, 4, 1]) * np.exp(lanes * (ln_berth - np.max(ln_berth)))
    weight /= weight.sum()

    def unseen_in_all(there: Looks, recall_sd: float) -> np.ndarray:
        histories = sample_histories(
            CHAIN, there, false_alarm=FALSE_ALARM, draws=draws, rng=rng, recall_scale_sd=recall_sd
        )
        return np.bincount(histories.unseen_draw, minlength=draws)

    total = unseen_in_all(at_berths(watched, RECALL, lanes), RECALL_SD)

    if_known = [unseen_in_all(there, 0.0) for there in known]
    mean = weight @ [one.mean() for one in if_known]
    square = weight @ [(one.astype(float) ** 2).mean() for one in if_known]
    # The histories share 64 pairs of rate and stay: their sd is known to some 9 %.
    assert total.mean() == pytest.approx(mean, rel=0.04)
    assert total.std() == pytest.approx(np.sqrt(square - mean**2), rel=0.12)
