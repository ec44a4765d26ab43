"""An unobserved look says why: cloud, the picture's edge, or a neighbour's ship across the berth."""

from dataclasses import replace

import shapely
from reporting_cases import build

from berthwatch.estimation.estimate import Estimate
from berthwatch.reporting.summary import oil_looks, summarise
from berthwatch.reporting.unobserved import CLOUD, NEIGHBOUR, OUTSIDE, in_words, reasons


def one_of_each() -> Estimate:
    """Six calls in sixteen looks: look 3 and 9 clouded, 12 off the picture, and 5 blocked by a neighbour's ship."""
    estimate = build()
    elsewhere = shapely.box(133.2, 42.7, 133.3, 42.8)
    off = replace(estimate.records[12], footprint=elsewhere, observed=shapely.MultiPolygon([elsewhere]))
    records = (*estimate.records[:12], off, *estimate.records[13:])
    blocked = estimate.observations["scene_id"] == estimate.records[5].scene_id
    observations = estimate.observations.assign(
        state=estimate.observations["state"].where(~blocked, "unobserved"),
        observed_fraction=estimate.observations["observed_fraction"].where(~blocked, 1.0),
    )
    return replace(estimate, records=records, observations=observations)


def test_each_unobserved_look_has_its_reason_and_the_others_have_none():
    estimate = one_of_each()
    looks = oil_looks(estimate)

    why = reasons(estimate, looks)

    assert why.tolist() == [
        {3: CLOUD, 5: NEIGHBOUR, 9: CLOUD, 12: OUTSIDE}.get(i, "") for i in range(len(estimate.records))
    ]
    assert why.index.equals(looks.index)


def test_the_summary_counts_the_reasons():
    estimate = one_of_each()

    (looks,) = [f for f in summarise(estimate).figures if f.label.startswith("Looks")]

    expected = "2 under cloud or without pixels, 1 outside the picture and 1 with a neighbour's ship across the berth"
    assert in_words(estimate, oil_looks(estimate)) == expected
    assert f"unobserved: {expected}" in looks.notes


def test_nothing_in_view_says_why():
    estimate = build(calls=(), n_scenes=1, days=0, cloudy=(0,), off_swath=())

    (sentence,) = summarise(estimate).sentences

    assert "The one picture does not show Oil berth 1, Vostochny in plain view" in sentence
    assert "(1 look: 1 under cloud or without pixels)" in sentence
