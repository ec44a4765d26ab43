"""Cumulative barrels by date, set against a cap that holds for a calendar year."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Ledger:
    """Barrels added up over time, with 50 % and 90 % bands, against a cap.

    Attributes:
        cap_name: name of the cap in ``cargo.caps`` (None: no cap; then cap columns are NaN).
        cap_bbl_per_year: barrels a calendar year (None: no cap).
        by_date: one row a UTC day of the period, both ends included, starting anew at zero each 1 January (nothing
            is carried over): ``date`` (datetime64[ns, UTC] midnight that ends the day's sum: all loaded before it),
            ``year`` int, ``seen_p05`` .. ``seen_p95``, ``seen_mean``, ``total_p05`` .. ``total_p95``,
            ``total_mean`` (cumulative barrels), ``total_laden_33``, ``total_laden_50``, ``total_laden_90``
            (posterior means), ``reported`` (cumulative barrels that states notified; NaN when none given).
        by_year: one row a calendar year touched by the period: ``year`` int, ``start``, ``end`` (covered part),
            ``cap_bbl``, ``reported_bbl`` (NaN when none given), and for both parts X in {seen, total}:
            ``X_p05`` .. ``X_p95``, ``X_mean`` barrels; ``X_laden_33``, ``X_laden_50``, ``X_laden_90`` (posterior
            means);
            ``X_fraction_of_cap_p05``, ``_p50``, ``_p95``; ``X_probability_cap_passed``;
            ``X_cap_passed_by_p05``, ``_p50``, ``_p95`` (dates by which the cap is passed with probability 5, 50 and
            95 %; NaT when that probability is not reached in the period). Reported barrels count towards the cap.
    """

    cap_name: str | None
    cap_bbl_per_year: float | None
    by_date: pd.DataFrame
    by_year: pd.DataFrame
