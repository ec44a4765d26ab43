"""Why a look tells nothing of a berth: cloud, the picture's edge, a neighbour's ship across it, or a better look."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from ..estimation.estimate import Estimate
from ..estimation.occupancy import MIN_OBSERVED_FRACTION
from . import wording
from .tables import rows_of

CLOUD = "under cloud or without pixels"
OUTSIDE = "outside the picture"
NEIGHBOUR = "with a neighbour's ship across the berth"
SAME_PASS = "of the same pass as a scene that shows as much of the berth or more"


def reasons(estimate: Estimate, looks: pd.DataFrame) -> pd.Series:
    """Of each look, rows of ``Estimate.observations``, why it is unobserved; "" where it is not. Same index."""
    footprints = {record.scene_id: record.footprint for record in estimate.records}
    outlines = {berth.id: berth.geometry for berth in estimate.port.berths}

    def reason(look: Any) -> str:
        if look.state != "unobserved":
            return ""
        if pd.notna(look.same_pass_as):
            return SAME_PASS
        if look.observed_fraction >= MIN_OBSERVED_FRACTION:
            return NEIGHBOUR
        outline = outlines[look.berth_id]
        within = footprints[look.scene_id].intersection(outline).area / outline.area
        return CLOUD if within >= MIN_OBSERVED_FRACTION else OUTSIDE

    return pd.Series([reason(look) for look in rows_of(looks)], index=looks.index, dtype="str")


def in_words(estimate: Estimate, looks: pd.DataFrame) -> str:
    """'2 under cloud or without pixels and 1 outside the picture'; "" where all looks are clear."""
    counts = Counter(reason for reason in reasons(estimate, looks) if reason)
    return wording.listed(
        [f"{counts[reason]} {reason}" for reason in (CLOUD, OUTSIDE, NEIGHBOUR, SAME_PASS) if counts[reason]]
    )
