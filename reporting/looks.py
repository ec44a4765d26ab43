"""Every look at the oil berths as a strip of small pictures: the occupied, the vacant and the unobserved alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..estimation.estimate import Estimate
from . import unobserved, wording
from .pictures import Picture, PictureMaker, berth_bounds
from .summary import oil_looks
from .tables import rows_of

MAX_LOOKS = 48


@dataclass(frozen=True)
class LookPicture:
    """A look: `picture` is None where the berth lies outside the scene or the scene is not at hand."""

    berth: str
    when: str
    state: str
    note: str
    scene_id: str
    picture: Picture | None


@dataclass(frozen=True)
class LookStrip:
    """The looks shown, and how many there are in all."""

    looks: tuple[LookPicture, ...]
    n_all: int


def look_strip(estimate: Estimate, maker: PictureMaker) -> LookStrip:
    """The looks at oil berths in order of time; of more than `MAX_LOOKS`, as many evenly spread over them."""
    looks = oil_looks(estimate).sort_values(["acquired_at", "berth_id"], kind="stable")
    looks = looks[looks.scene_id.isin(list(maker.scenes))]
    berths = {berth.id: berth for berth in estimate.port.berths}
    chosen = looks.iloc[np.unique(np.linspace(0, len(looks) - 1, min(len(looks), MAX_LOOKS)).round().astype(int))]
    why = unobserved.reasons(estimate, chosen)
    return LookStrip(
        tuple(
            LookPicture(
                berth=berths[look.berth_id].name,
                when=wording.short_moment(look.acquired_at),
                state=look.state,
                note=_note(look, why[look.Index]),
                scene_id=look.scene_id,
                picture=maker.cut(
                    look.scene_id, berth_bounds(berths[look.berth_id]), max_px=200, subjects=look.detection_ids
                ),
            )
            for look in rows_of(chosen)
        ),
        len(looks),
    )


def _note(look: Any, why: str) -> str:
    """'40% of it in view', 'with a neighbour's ship across the berth'; the scene that stands for it is named."""
    in_view = "" if look.observed_fraction >= 0.995 else f"{wording.percent(look.observed_fraction)} of it in view"
    instead = f"({look.same_pass_as})" if pd.notna(look.same_pass_as) else ""
    return ", ".join(filter(None, (f"{why} {instead}".strip(), in_view)))
