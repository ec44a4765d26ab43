"""Looks at a berth in one pass of a satellite are one look, whatever number of scenes the pass comes as.

Strips and tiles overlap, a pass is sold at two levels of processing, a picture lies in a folder under two names. What
the detector makes of them is much the same; taken for witnesses of their own, they would make an estimate surer than
it is. So of the looks at a berth in one pass one stands. Which, is settled by what the scenes show of the berth, never
by whether they show a ship: to take whichever look shows one would find more ships, and more false alarms, than the
recall and the false alarms of one look that the histories reckon with.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A satellite is over a port for seconds, its neighbours in a train of small ones follow within minutes, and the next
# orbit is an hour and a half away. In ten minutes no tanker comes and makes fast, or casts off and is gone.
ONE_PASS_S = 600.0


def looks_of_one_pass(
    at_s: NDArray[np.float64],
    clear: NDArray[np.bool_],
    observed_fraction: NDArray[np.float64],
    gsd_m: NDArray[np.float64],
    scene_ids: Sequence[str],
) -> dict[int, str]:
    """Of the looks at one berth, those that another of the same pass stands for: their number -> its scene id.

    The look that shows most of the berth stands (to the hundredth: outlines of one picture at two levels differ by
    less), then the one with the finest pixels, then the first by scene id. No two that stand are within `ONE_PASS_S`.
    Two strips that each show a part of the berth could tell more together; the one that shows more tells alone.

    Args:
        at_s: (n,) times of the looks, seconds.
        clear: (n,) which of them tell anything of the berth; the others neither stand nor need another.
        observed_fraction: (n,) share of the berth in view.
        gsd_m: (n,) pixel sizes of the scenes, metres.
        scene_ids: of the n scenes.
    """
    best_first = np.lexsort((np.asarray(scene_ids, str), gsd_m, -observed_fraction.round(2)))
    stand: list[tuple[float, int]] = []  # by time
    stands_for: dict[int, str] = {}
    for i in best_first[clear[best_first]].tolist():
        look = (float(at_s[i]), i)
        place = bisect_left(stand, look)
        # By time, no look that stands is nearer than those on either side.
        beside = [j for s, j in stand[max(place - 1, 0) : place + 1] if abs(s - look[0]) <= ONE_PASS_S]
        if beside:
            stands_for[i] = scene_ids[beside[0]]
        else:
            stand.insert(place, look)
    return stands_for
