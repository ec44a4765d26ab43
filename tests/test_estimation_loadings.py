"""The draws in which a visit adds 0 barrels, by the reason."""

import numpy as np
import pandas as pd
import pytest

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.calls import Calls
from berthwatch.estimation.cargo import draw_cargo, loadings_table

CARGO = load_cargo()


def test_the_draws_with_0_barrels_are_parted_by_the_reason():
    # Ten draws of two visits. The second one's call: none in draws 0 to 3, in three of which she is the first one's; no
    # tanker in 4 and 5; no time to load in 6; barrels in 7 to 9.
    draw = np.concatenate([np.arange(10), np.arange(4, 10)])
    visit = np.repeat([0, 1], [10, 6])
    tanker = np.ones(16, bool)
    tanker[10:12] = False
    barrels = np.where(tanker, 20_000.0, 0.0)
    barrels[12] = 0.0
    calls = Calls(
        draws=10, draw=draw, at_s=np.zeros(16), berth=np.zeros(16, np.int64), visit=visit, ln_dwt=np.full(16, 8.0),
        tanker=tanker,
    )  # fmt: skip
    visits = pd.DataFrame(
        {
            "visit_id": ["first", "second"], "berth_id": "oil-1", "last_seen": pd.Timestamp("2024-03-07", tz="UTC"),
            "counts": True, "ship_probability": [1.0, 0.9],
        }
    )  # fmt: skip
    common = draw_cargo(CARGO, None, 10, np.random.default_rng(0))

    table = loadings_table(visits, calls, barrels, common, CARGO).set_index("visit_id")

    reasons = [f"{name}_probability" for name in ("nobody", "earlier_call", "no_tanker", "no_time")]
    assert table.loc["first", reasons].tolist() == [0, 0, 0, 0]
    assert table.loc["second", reasons].tolist() == pytest.approx([0.1, 0.3, 0.2, 0.1])
