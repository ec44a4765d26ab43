"""Size classes: known designs come out first, probabilities are probabilities, doubt shows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.inference.size_class import (
    SIZE_CLASS_NAMES,
    SIZE_CLASSES,
    most_likely_size_class,
    size_class_probabilities,
)


def probability(name: str, *measured: float | None) -> float:
    return float(size_class_probabilities(*measured)[0, SIZE_CLASS_NAMES.index(name)])


@pytest.mark.parametrize(
    ("length", "beam", "expected"),
    [
        (48, 8, "coastal XS"),
        (66, 10, "coastal S"),
        (80, 12, "coastal M"),
        (90, 14, "coastal L"),
        (114, 17, "small"),
        (142, 22, "Handysize/GP"),
        (181, 28, "MR1"),
        (183, 32, "MR2"),
        (228, 32, "Panamax/LR1"),
        (245, 42, "Aframax/LR2"),
        (274, 48, "Suezmax"),
        (334, 60, "VLCC"),
        (380, 68, "ULCC"),
    ],
)
@pytest.mark.parametrize(("length_sd", "beam_sd"), [(1.0, 0.5), (5.0, 2.0)])
def test_a_typical_ship_of_each_class_is_recognised(length, beam, expected, length_sd, beam_sd):
    probabilities = size_class_probabilities(length, length_sd, beam, beam_sd)

    assert most_likely_size_class(probabilities) == [expected]


def test_length_alone_leaves_the_183_m_ship_between_the_two_mr_classes():
    alone = [probability(name, 183.0, 3.0, None, None) for name in ("MR1", "MR2")]
    wide = [probability(name, 183.0, 3.0, 32.2, 1.0) for name in ("MR1", "MR2")]
    slim = [probability(name, 183.0, 3.0, 27.4, 1.0) for name in ("MR1", "MR2")]

    assert min(alone) > 0.2
    assert wide[1] > 0.55 > wide[0]
    assert slim[0] > 0.9


def test_the_vlcc_stays_first_at_a_planetscope_and_at_a_sentinel_2_pixel():
    assert probability("VLCC", 334.0, 4.0, 60.0, 3.0) > 0.75
    assert probability("VLCC", 334.0, 13.0, 60.0, 8.0) > 0.5


@given(st.floats(20, 420), st.floats(0.1, 40), st.floats(4, 9), st.floats(0.1, 20))
def test_rows_are_probabilities_for_any_measurement(length, length_sd, ratio, beam_sd):
    probabilities = size_class_probabilities([length, length], length_sd, [length / ratio, np.nan], [beam_sd, np.nan])

    assert probabilities.shape == (2, len(SIZE_CLASSES))
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


@given(st.floats(50, 350), st.floats(5.2, 6.6))
def test_a_worse_measurement_is_less_sure(length, ratio):
    def entropy(length_sd: float, beam_sd: float) -> float:
        p = size_class_probabilities(length, length_sd, length / ratio, beam_sd)[0]
        return float(-(p * np.log(np.maximum(p, 1e-300))).sum())

    assert entropy(60.0, 30.0) > entropy(2.0, 1.0) - 0.05


def test_the_table_covers_every_deadweight_once_and_in_order():
    assert SIZE_CLASSES[0].dwt_min_t == 0.0
    assert np.isinf(SIZE_CLASSES[-1].dwt_max_t)
    for smaller, larger in pairwise(SIZE_CLASSES):
        assert smaller.dwt_max_t == larger.dwt_min_t
        assert smaller.length_m[1] < larger.length_m[1]


def test_no_ships_give_no_rows():
    empty = np.zeros(0)

    assert size_class_probabilities(empty, empty, empty, empty).shape == (0, len(SIZE_CLASSES))
    assert most_likely_size_class(np.zeros((0, len(SIZE_CLASSES)))) == []
