"""Who came and went in the demo's six weeks, and when a satellite looked: the truth the estimate is held against.

No code is shared with the estimator, but knowledge is. Its deadweight from length and beam and the ships here come
from the same fleet data (facts sheet 1.1), turned round: ships are drawn by deadweight, and their length follows from
it. Cargo shares, barrels a tonne and hours at the berth are drawn from ranges like those in cargo.yaml. The demo so
tests the chain (pictures, detector, histories, sums), not whether those data fit the ships of a real port.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

START = datetime(2024, 3, 7, tzinfo=UTC)

# Share of calls, barrels a tonne and its spread, of what product tankers of this size load.
PRODUCTS = {"gasoil": (0.6, 7.45, 0.05), "gasoline": (0.25, 8.4, 0.06), "kerosene": (0.15, 7.85, 0.05)}


@dataclass(frozen=True)
class Habit:
    """Who uses a place: kinds and lengths of ships, hours they stay, hours it lies empty between two."""

    kinds: tuple[str, ...]
    lengths_m: tuple[float, float]
    stay_h: tuple[float, float]
    empty_h: tuple[float, float]


_ANCHORED = Habit(("tanker", "bulk-carrier", "general-cargo"), (80, 220), (48, 216), (24, 190))
HABITS = {
    "container": Habit(("container",), (130, 230), (16, 48), (10, 60)),
    "oil": Habit(("tanker",), (120, 185), (20, 50), (40, 160)),
    "bulk": Habit(("bulk-carrier",), (150, 225), (40, 100), (20, 90)),
    "general": Habit(("general-cargo",), (75, 140), (30, 120), (30, 120)),
    **{f"anchor-{spot}": _ANCHORED for spot in range(6)},
}


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
    """A ship at one place from `arrival` to `departure`.

    place: "berth" (the watched one), "container", "oil", "bulk", "general" (other quays), or "anchor-0" and so on.
    """

    name: str
    place: str
    hull: Hull
    arrival: datetime
    departure: datetime

    def covers(self, time: datetime) -> bool:
        """Whether the ship lies there at this time."""
        return self.arrival <= time < self.departure


@dataclass(frozen=True)
class Call(Stay):
    """A tanker's call at the watched berth, and the cargo she takes."""

    product: str = ""
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
    others: tuple[Stay, ...]
    looks: tuple[Look, ...]

    @property
    def barrels(self) -> float:
        """Barrels loaded by all the calls."""
        return sum(call.barrels for call in self.calls)


def simulate_traffic(rng: np.random.Generator, days: int) -> Traffic:
    """Draw `days` days from 7 March 2024 on: five to seven tanker calls in six weeks, the rest in proportion."""
    n_calls = max(1, round(int(rng.integers(5, 8)) * days / 42))
    stays_h = np.clip(rng.lognormal(np.log(32), 0.35, n_calls), 14, 72)
    arrivals = arrivals_one_by_one(rng, stays_h, days)
    calls = tuple(
        call_to_load(rng, f"call-{number}", arrival, arrival + timedelta(hours=float(stay_h)))
        for number, (arrival, stay_h) in enumerate(zip(arrivals, stays_h, strict=True), start=1)
    )
    others = [stay for place, habit in HABITS.items() for stay in stays_at(rng, place, habit, days)]
    return Traffic(calls, tuple(others), overpasses(rng, days))


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


def call_to_load(rng: np.random.Generator, name: str, arrival: datetime, departure: datetime) -> Call:
    """A call at which a ship takes most of what she can: cargo is 86-95 % of deadweight when she is full."""
    hull = random_product_tanker(rng)
    product = str(rng.choice(list(PRODUCTS), p=[share for share, _, _ in PRODUCTS.values()]))
    _, mean, spread = PRODUCTS[product]
    full_cargo_t = hull.dwt_t * rng.uniform(0.86, 0.95)
    tonnes = full_cargo_t * rng.triangular(0.55, 0.85, 1.0)
    barrels = float(tonnes * rng.normal(mean, spread))
    return Call(name, "berth", hull, arrival, departure, product=product, barrels=barrels)


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
    """Looks one to four days apart, about eleven in the morning there; a fifth overcast, some in broken cloud.

    One look of the period has its swath beside the berth. Two weeks or more hold at least one of each kind.
    """
    times = [START + timedelta(hours=float(rng.uniform(0.5, 2.5)))]
    while times[-1] < START + timedelta(days=days - 3):
        gap = int(rng.choice([1, 2, 3, 4], p=[0.45, 0.3, 0.15, 0.1]))
        morning = (times[-1] + timedelta(days=gap)).replace(hour=0, minute=0, second=0, microsecond=0)
        times.append(morning + timedelta(hours=float(rng.uniform(0.5, 2.5))))
    order = rng.permutation(len(times))
    n_overcast, n_broken = max(1, round(0.2 * len(times))), max(1, round(0.15 * len(times)))
    overcast, broken = set(order[:n_overcast]), set(order[n_overcast : n_overcast + n_broken])
    beside = order[n_overcast + n_broken] if len(times) > n_overcast + n_broken else -1
    return tuple(
        Look(
            acquired_at=time.replace(microsecond=0),  # as product names tell it
            cloud_cover=1.0 if i in overcast else float(rng.uniform(0.15, 0.4)) if i in broken else 0.0,
            on_swath=i != beside,
        )
        for i, time in enumerate(times)
    )


def stays_at(rng: np.random.Generator, place: str, habit: Habit, days: int) -> list[Stay]:
    """Ships at a place of its own, one after the other."""
    stays: list[Stay] = []
    time = START - timedelta(hours=float(rng.uniform(0, habit.stay_h[1])))
    while time < START + timedelta(days=days):
        until = time + timedelta(hours=float(rng.uniform(*habit.stay_h)))
        kind = str(rng.choice(habit.kinds))
        length_m = float(rng.uniform(*habit.lengths_m))
        hull = Hull(kind, length_m, length_m / float(rng.uniform(5.8, 6.8)), int(rng.integers(2**31)))
        stays.append(Stay(f"{place}:{len(stays) + 1}", place, hull, time, until))
        time = until + timedelta(hours=float(rng.uniform(*habit.empty_h)))
    return stays
