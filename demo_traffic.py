"""Who came and went in the demo's six weeks, and when a satellite looked: the truth the estimate is held against.

Nothing here knows the estimator. Ships are drawn by deadweight, their sizes follow from it, and cargoes from what
such ships carry, so the truth never comes from the formulas that are being tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

START = datetime(2024, 3, 7, tzinfo=UTC)

# Share of calls, barrels a tonne and its spread, of what product tankers of this size load.
PRODUCTS = {"gasoil": (0.6, 7.45, 0.05), "gasoline": (0.25, 8.4, 0.06), "kerosene": (0.15, 7.85, 0.05)}


@dataclass(frozen=True)
class Hull:
    """A ship: metres, tonnes, and the seed that keeps her looks from date to date."""

    kind: str
    length_m: float
    beam_m: float
    seed: int
    dwt_t: float = 0.0


@dataclass(frozen=True)
class Stay:
    """A ship at one place from `arrival` to `departure`; `spot` counts the places of an anchorage."""

    hull: Hull
    arrival: datetime
    departure: datetime
    spot: int = 0

    def covers(self, time: datetime) -> bool:
        """Whether the ship lies there at this time."""
        return self.arrival <= time < self.departure


@dataclass(frozen=True)
class Call(Stay):
    """A tanker's call at the watched berth, and the cargo she takes."""

    product: str = "gasoil"
    barrels: float = 0.0


@dataclass(frozen=True)
class Look:
    """One pass of a satellite: when, through how much cloud, and whether its swath holds the berth."""

    acquired_at: datetime
    cloud_cover: float
    on_swath: bool


@dataclass(frozen=True)
class Traffic:
    """Everything that happened, whether a picture shows it or not."""

    calls: tuple[Call, ...]
    at_anchor: tuple[Stay, ...]
    at_container_quay: tuple[Stay, ...]
    looks: tuple[Look, ...]

    @property
    def barrels(self) -> float:
        """Barrels loaded by all the calls."""
        return sum(call.barrels for call in self.calls)


def simulate_traffic(rng: np.random.Generator, days: int) -> Traffic:
    """Draw `days` days from 7 March 2024 on: five to seven tanker calls in six weeks, the rest in proportion."""
    n_calls = max(1, round(int(rng.integers(5, 8)) * days / 42))
    hulls = [random_product_tanker(rng) for _ in range(n_calls)]
    stays_h = np.clip(rng.lognormal(np.log(32), 0.35, n_calls), 14, 72)
    calls = tuple(
        load(rng, hull, arrival, arrival + timedelta(hours=float(stay_h)))
        for hull, arrival, stay_h in zip(hulls, arrivals_one_by_one(rng, stays_h, days), stays_h, strict=True)
    )
    return Traffic(calls, anchorage(rng, days), container_quay(rng, days), overpasses(rng, days))


def random_product_tanker(rng: np.random.Generator) -> Hull:
    """A coastal product tanker of 70-115 m.

    Length from deadweight is the inverse of DWT = 0.004778 L^3.02 (3,557 tankers, facts sheet 1.1 c), with its scatter;
    length over beam is 5.7 to 6.6 in that size.
    """
    while True:
        dwt_t = float(rng.lognormal(np.log(3800), 0.35))
        length_m = (dwt_t / 0.004778) ** (1 / 3.0188) * float(np.exp(rng.normal(0, 0.05)))
        if 70 <= length_m <= 115:
            return Hull("tanker", length_m, length_m / float(rng.uniform(5.7, 6.6)), int(rng.integers(2**31)), dwt_t)


def load(rng: np.random.Generator, hull: Hull, arrival: datetime, departure: datetime) -> Call:
    """A call at which the ship takes most of what she can: cargo is 86-95 % of deadweight when she is full."""
    product = str(rng.choice(list(PRODUCTS), p=[share for share, _, _ in PRODUCTS.values()]))
    _, mean, spread = PRODUCTS[product]
    full_cargo_t = hull.dwt_t * rng.uniform(0.86, 0.95)
    tonnes = full_cargo_t * rng.triangular(0.55, 0.85, 1.0)
    return Call(hull, arrival, departure, product=product, barrels=float(tonnes * rng.normal(mean, spread)))


def arrivals_one_by_one(rng: np.random.Generator, stays_h: np.ndarray, days: int) -> list[datetime]:
    """Arrival times at a berth for one ship: at random over the period, at least eight hours between two ships.

    Two stays of 30 h in 10 days leave 240 - 60 - 2 x 8 = 164 h free; two sorted times in it, at 50 and 120 h say,
    become arrivals at 50 h and 120 + 30 + 8 = 158 h.
    """
    between_h = 8.0
    free_h = days * 24 - float(stays_h.sum()) - between_h * len(stays_h)
    waits_h = np.sort(rng.uniform(0, max(free_h, 1.0), len(stays_h)))
    before_h = np.concatenate([[0.0], np.cumsum(stays_h + between_h)[:-1]])
    return [START + timedelta(hours=float(hours)) for hours in waits_h + before_h]


def overpasses(rng: np.random.Generator, days: int) -> tuple[Look, ...]:
    """Looks one to three days apart, about eleven in the morning there; a fifth overcast, some in broken cloud.

    One look of the period has its swath beside the berth. Two weeks or more hold at least one of each kind.
    """
    times = [START + timedelta(hours=float(rng.uniform(0.5, 2.5)))]
    while times[-1] < START + timedelta(days=days - 3):
        gap = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
        morning = (times[-1] + timedelta(days=gap)).replace(hour=0, minute=0, second=0, microsecond=0)
        times.append(morning + timedelta(hours=float(rng.uniform(0.5, 2.5))))
    order = rng.permutation(len(times))
    n_overcast, n_broken = max(1, round(0.2 * len(times))), max(1, round(0.15 * len(times)))
    overcast, broken = set(order[:n_overcast]), set(order[n_overcast : n_overcast + n_broken])
    beside = order[n_overcast + n_broken] if len(times) > n_overcast + n_broken else -1
    return tuple(
        Look(
            acquired_at=time,
            cloud_cover=1.0 if i in overcast else float(rng.uniform(0.15, 0.4)) if i in broken else 0.0,
            on_swath=i != beside,
        )
        for i, time in enumerate(times)
    )


def anchorage(rng: np.random.Generator, days: int, spots: int = 6) -> tuple[Stay, ...]:
    """Tankers and cargo ships at anchor, one a spot at a time, two to nine days each."""
    stays = []
    for spot in range(spots):
        time = START - timedelta(days=float(rng.uniform(0, 6)))
        while time < START + timedelta(days=days):
            until = time + timedelta(days=float(rng.uniform(2, 9)))
            stays.append(Stay(random_ship(rng, ["tanker", "bulk-carrier", "general-cargo"]), time, until, spot))
            time = until + timedelta(days=float(rng.uniform(1, 8)))
    return tuple(stays)


def container_quay(rng: np.random.Generator, days: int) -> tuple[Stay, ...]:
    """Container ships at a quay of their own, a day or so each."""
    stays, time = [], START + timedelta(days=float(rng.uniform(-1, 1)))
    while time < START + timedelta(days=days):
        until = time + timedelta(hours=float(rng.uniform(16, 48)))
        stays.append(Stay(random_ship(rng, ["container"]), time, until))
        time = until + timedelta(hours=float(rng.uniform(10, 60)))
    return tuple(stays)


def random_ship(rng: np.random.Generator, kinds: Sequence[str]) -> Hull:
    """One of the ships that share the bay with the watched ones."""
    kind = str(rng.choice(kinds))
    shortest, longest = {"tanker": (85, 240), "container": (130, 230)}.get(kind, (80, 200))
    length_m = float(rng.uniform(shortest, longest))
    return Hull(kind, length_m, length_m / float(rng.uniform(5.8, 6.8)), int(rng.integers(2**31)))
