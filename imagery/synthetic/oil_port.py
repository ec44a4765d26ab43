"""A port laid out around a given oil berth: the stage of the demo and of tests over several dates."""

import numpy as np

from .canvas import Frame
from .harbour import HarbourLayout
from .random_harbour import Stretch, coast_of
from .shores import breakwater, sand_bar
from .terminals import finger_pier, oil_jetty

# A bay that opens to the right, with the tank farm in its middle.
_BAY = (
    Stretch("wild", 900, turn_deg=14),
    Stretch("wild", 700, turn_deg=10),
    Stretch("bulk", 850, step_m=25, turn_deg=8),
    Stretch("boxes", 640, step_m=40),
    Stretch("sheds", 300, step_m=10, turn_deg=4),
    Stretch("tanks", 820, turn_deg=6),
    Stretch("sheds", 420, step_m=20, turn_deg=12),
    Stretch("town", 560, turn_deg=16),
    Stretch("wild", 900, turn_deg=10),
    Stretch("wild", 1200),
)
_TANKS = 5
_JETTY_AT = 230.0  # metres along the tank farm


def port_around_berth(
    berth: Frame, *, berth_width_m: float = 40.0, longest_ship_m: float = 125.0, seed: int = 0
) -> HarbourLayout:
    """A bay about 7 km along its coast with an oil jetty whose berth is the given one.

    berth: centre of the berth's rectangle of water, looking along it with the land to the left; berth_width_m is
    that rectangle's width: the jetty's fenders stand on its landward edge. moorings[0] of the layout is this berth;
    others follow: a second oil jetty for larger ships, coal, container and general quays.
    """
    rng = np.random.default_rng(seed)
    reach = float(rng.uniform(95, 130))
    shore = berth.at(0, -berth_width_m / 2 - reach - 1.5)
    start = _start_of_bay(shore.at(-_JETTY_AT, 0))
    plan = coast_of(rng, start, _BAY, back_m=4000.0, soil=(128, 116, 90), detail_m=3.0)
    jetty = oil_jetty(rng, shore, reach, longest_ship_m)
    jetty.add(oil_jetty(rng, shore.at(390, 0), reach + 70, 190.0))
    jetty.moorings = [jetty.moorings[0], *plan.moorings, *jetty.moorings[1:]]
    plan.moorings = []
    plan.add(jetty)
    coal = _frames(start)[2].at(0, 25)
    for s in (240.0, 560.0):
        plan.add(finger_pier(rng, coal.at(s, 0), 330.0, 24.0))
    plan.add(breakwater(rng, _frames(start)[7].at(420, 0), 520.0))
    plan.add(sand_bar(rng, berth.at(-900, 1500, 40), 190.0, 80.0))
    return plan.layout(seed)


def _frames(start: Frame) -> list[Frame]:
    """Frames at the starts of the bay's stretches."""
    frames = [start]
    for stretch in _BAY[:-1]:
        frames.append(frames[-1].at(stretch.length_m, 0, stretch.turn_deg))
    return frames


def _start_of_bay(tanks: Frame) -> Frame:
    """Where the bay must begin, so that its tank farm starts at the given frame."""
    # Walked from the origin due north, the farm begins at (x, y): y metres ahead of the start and x to its right.
    walked = _frames(Frame(0.0, 0.0, 0.0))[_TANKS]
    start = Frame(0.0, 0.0, (tanks.heading_deg - walked.heading_deg) % 360)
    dx, dy = start.to_world([(walked.y, walked.x)])[0]
    return Frame(tanks.x - float(dx), tanks.y - float(dy), start.heading_deg)
