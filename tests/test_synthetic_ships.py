"""A synthetic ship covers the ground that its truth says it covers."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.synthetic.canvas import Canvas, Frame, Light, swept
from berthwatch.imagery.synthetic.picture import View
from berthwatch.imagery.synthetic.ships import (
    KINDS,
    SyntheticShip,
    hull_outline,
    paint_ship,
    random_beam,
    random_length,
)

NO_SHADOWS = Light(darkness=0.0)

ships = st.builds(
    lambda kind, seed, heading, offset: _ship(kind, seed, heading, offset),
    st.sampled_from(KINDS),
    st.integers(0, 2**31),
    st.floats(0, 360),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)


def _ship(kind: str, seed: int, heading_deg: float, offset: tuple[float, float] = (0, 0)) -> SyntheticShip:
    rng = np.random.default_rng(seed)
    length = random_length(rng, kind, longest_m=350)
    return SyntheticShip(*offset, heading_deg, length, random_beam(rng, kind, length), kind, seed=seed)


def coverage(ship: SyntheticShip, view: View, supersample: int = 3) -> np.ndarray:
    """Part of each pixel that the ship hides: what it leaves of the contrast between black and white water."""
    seen = []
    for water in (0.0, 255.0):
        ground = np.full((view.height, view.width, 3), water, np.float32)
        canvas = Canvas(ground, left=view.left, top=view.top, gsd_m=view.gsd_m, supersample=supersample)
        paint_ship(canvas, ship, NO_SHADOWS)
        seen.append(canvas.develop()[0].mean(2))
    return 1 - (seen[1] - seen[0]) / 255


def view_of(ship: SyntheticShip, pixels_along: float = 90) -> View:
    gsd_m = ship.length_m / pixels_along
    return View(-70 * gsd_m, 70 * gsd_m, 140, 140, gsd_m)


def outline_of(ship: SyntheticShip) -> np.ndarray:
    # The outline is the first thing that a ship draws from its own random stream.
    return ship.frame.to_world(hull_outline(np.random.default_rng([ship.seed, KINDS.index(ship.kind)]), ship))


@settings(max_examples=20, deadline=None)
@given(ships)
def test_painted_hull_is_the_hull_outline(ship):
    view = view_of(ship)
    painted = coverage(ship, view) > 0.5

    fine = 5  # the outline's true area in each pixel, from 25 samples
    mask = rasterize(
        [shapely.Polygon(view.to_pixels(outline_of(ship)) * fine)], out_shape=(view.height * fine, view.width * fine)
    )
    true = mask.reshape(view.height, fine, view.width, fine).mean((1, 3)) > 0.5

    assert (painted & true).sum() / (painted | true).sum() > 0.95


@settings(max_examples=20, deadline=None)
@given(ships)
def test_truth_box_is_the_rectangle_around_the_painted_hull(ship):
    view = view_of(ship)
    rows, cols = np.nonzero(coverage(ship, view) > 0.05)  # a bow's tip covers little of its pixel

    centres = np.column_stack([view.left + (cols + 0.5) * view.gsd_m, view.top - (rows + 0.5) * view.gsd_m])
    low, high = ship.frame.to_local(centres).min(0), ship.frame.to_local(centres).max(0)

    half = np.array([ship.length_m, ship.beam_m]) / 2
    assert np.abs(high - half).max() < 1.2 * view.gsd_m
    assert np.abs(low + half).max() < 1.2 * view.gsd_m


@settings(max_examples=60, deadline=None)
@given(ships)
def test_hull_touches_all_four_sides_of_its_rectangle_and_stays_inside(ship):
    local = ship.frame.to_local(outline_of(ship))
    np.testing.assert_allclose(local.max(0), (ship.length_m / 2, ship.beam_m / 2), rtol=1e-6)
    np.testing.assert_allclose(local.min(0), (-ship.length_m / 2, -ship.beam_m / 2), rtol=1e-6)


@given(ships)
def test_corners_are_the_rectangle_in_metres_with_the_bow_ahead(ship):
    quarter_port, bow_port, bow_starboard, _ = ship.corners
    along, across = bow_port - quarter_port, bow_starboard - bow_port

    assert np.hypot(*along) == pytest.approx(ship.length_m)
    assert np.hypot(*across) == pytest.approx(ship.beam_m)
    heading = np.degrees(np.arctan2(along[0], along[1])) % 360
    assert (heading - ship.heading_deg + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_shadow_falls_away_from_the_sun_and_outside_the_hull():
    ship = SyntheticShip(0, 0, 90, 200, 32, "container", seed=3)
    view = view_of(ship)
    white = np.full((140, 140, 3), 255, np.float32)

    def paint(light):
        canvas = Canvas(white, left=view.left, top=view.top, gsd_m=view.gsd_m, supersample=2)
        paint_ship(canvas, ship, light)
        return canvas.develop()[0].mean(2)

    hidden = coverage(ship, view) > 0.02
    shaded = (paint(Light(180, 40, 0.8)) < 200) & ~hidden
    rows = np.nonzero(shaded)[0]

    assert shaded.sum() > 200
    assert (rows < 70).mean() > 0.95  # sun in the south: shadow to the north, the upper half
    assert not ((paint(Light(180, 40, 0.0)) < 250) & ~hidden).any()


def test_the_same_ship_looks_the_same_elsewhere():
    view = View(0, 300, 150, 150, 2.0)
    pictures = []
    for x in (100.0, 140.0):  # twenty pixels apart
        canvas = Canvas(np.zeros((150, 150, 3), np.float32), left=0, top=300, gsd_m=2.0, supersample=2)
        paint_ship(canvas, SyntheticShip(x, 150, 20, 110, 18, "tanker", seed=8), NO_SHADOWS)
        pictures.append(canvas.develop()[0])
    np.testing.assert_array_equal(pictures[0][:, :-20], pictures[1][:, 20:])
    assert view.to_pixels(np.array([100.0, 150.0])).tolist() == [50.0, 75.0]


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=12),
    st.tuples(st.floats(-80, 80), st.floats(-80, 80)),
    st.booleans(),
)
def test_swept_outline_is_the_hull_of_both_ends(points, offset, clockwise):
    hull = shapely.MultiPoint(points).convex_hull
    if hull.geom_type != "Polygon" or hull.area < 1:
        return
    footprint = shapely.get_coordinates(hull)[:-1]
    footprint = footprint[::-1] if clockwise else footprint

    shaded = shapely.Polygon(swept(footprint, offset))

    both = shapely.MultiPoint(np.vstack([footprint, footprint + offset])).convex_hull
    assert shaded.area == pytest.approx(both.area, rel=1e-6)
    assert shaded.symmetric_difference(both).area < 1e-6 * both.area + 1e-6


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 360), st.floats(-500, 500), st.floats(-500, 500))
def test_frame_goes_there_and_back(x, y, heading, s, t):
    frame = Frame(x, y, heading)
    np.testing.assert_allclose(frame.to_local(frame.to_world([(s, t)])), [(s, t)], atol=1e-6)


@given(st.integers(0, 2**31), st.floats(45, 333))
def test_tanker_beams_follow_the_regression(seed, length_m):
    beam = random_beam(np.random.default_rng(seed), "tanker", length_m)
    assert abs(np.log(beam / (0.117 * length_m**1.066))) <= 0.16 + 1e-9


def test_bad_ships_are_refused():
    with pytest.raises(BerthwatchError, match=r"'submarine' is not known: use one of tanker"):
        SyntheticShip(0, 0, 0, 100, 15, "submarine")
    with pytest.raises(BerthwatchError, match="beam_m <= length_m"):
        SyntheticShip(0, 0, 0, 15, 100, "tanker")
