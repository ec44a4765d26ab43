"""An unobserved look says why: cloud, the picture's edge, a neighbour's ship across the berth, a better look."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import shapely
from reporting_cases import Call, build, make_port, make_scenes

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.imagery.scene import open_scene
from berthwatch.reporting.looks import look_strip
from berthwatch.reporting.pictures import PictureMaker
from berthwatch.reporting.summary import oil_looks, summarise
from berthwatch.reporting.timeline import lay_out_timeline
from berthwatch.reporting.unobserved import CLOUD, NEIGHBOUR, OUTSIDE, SAME_PASS, in_words, reasons


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


def twice_each() -> Estimate:
    """Four scenes, the second with a ship, each of them twice within the pass; the copies end in -l2a."""
    port = make_port()
    records, found = make_scenes(port, (Call(0, 1.0, 3.5, 93.0, 15.2),), 4, 6.0, (), (), seed=7)
    copies = [
        replace(r, scene_id=f"{r.scene_id}-l2a", acquired_at=r.acquired_at + timedelta(seconds=20)) for r in records
    ]
    same = found.assign(scene_id=found["scene_id"] + "-l2a", detection_id=found["detection_id"] + "-l2a")
    return estimate(port, [*records, *copies], pd.concat([found, same]), load_cargo(), draws=200)


def test_a_second_scene_of_a_pass_is_told_and_named_where_the_looks_are_shown(write_raster):
    result = twice_each()
    scene = open_scene(write_raster(np.zeros((3, 50, 50), np.uint8), lonlat=(130.0, 40.0)))
    maker = PictureMaker({r.scene_id: scene for r in result.records}, result.detections, result.port.berths)

    notes = [look.note for look in look_strip(result, maker).looks]

    first = result.records[0].scene_id
    assert reasons(result, oil_looks(result)).tolist() == ["", SAME_PASS] * 4
    assert in_words(result, oil_looks(result)) == f"4 {SAME_PASS}"
    assert notes[:2] == ["", f"{SAME_PASS} ({first})"]


def test_the_basis_counts_every_picture_that_shows_a_berth():
    assert "Eight satellite pictures" in (basis := summarise(twice_each()).basis)
    assert "of which eight showed the oil berth in plain view" in basis


def test_the_timeline_marks_a_pass_once():
    timeline = lay_out_timeline(twice_each(), narrow=False)

    assert timeline
    oil, bulk = timeline.rows
    assert [look.state for look in oil.looks] == ["vacant", "occupied", "vacant", "vacant"]
    assert len(bulk.looks) == 4
