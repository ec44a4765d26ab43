"""The demo's pictures: an invented port round the watched berth, the ships of one moment, the weather of one day."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from .configs.port import Berth
from .demo_traffic import Hull, Look, Stay, Traffic
from .imagery.synthetic.canvas import Frame
from .imagery.synthetic.harbour import Mooring
from .imagery.synthetic.oil_port import port_around_berth
from .imagery.synthetic.picture import Conditions
from .imagery.synthetic.scene import SyntheticScene, frame_at, write_scene
from .imagery.synthetic.sea import Sea
from .imagery.synthetic.sensor import Sensor, Sky
from .imagery.synthetic.ships import SyntheticShip, random_beam
from .imagery.synthetic.sun import sunlight
from .models.cores import granted_cores

CRS = "EPSG:32653"  # UTM zone 53N, in which Vostochny lies
GSD_M = 3.0
WIDTH, HEIGHT = 1100, 950
# Where ships anchor, from the middle of the berth: metres along it, metres out to sea.
ANCHOR_SPOTS = ((-600, 850), (-150, 1150), (300, 850), (650, 1250), (-350, 1650), (150, 1750))


@dataclass(frozen=True)
class Picture:
    """A picture drawn of one look, and which calls it shows: the ship whole on the picture and under no cloud."""

    look: Look
    path: Path
    calls_shown: tuple[str, ...]


def draw_pictures(traffic: Traffic, berth: Berth, folder: Path, *, seed: int) -> tuple[Picture, ...]:
    """Draw every look into the folder as a GeoTIFF with its truth beside it; one process a core."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = partial(draw_picture, traffic, berth, folder, seed)
    with ProcessPoolExecutor(granted_cores(), mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(draw, traffic.looks))


def draw_picture(traffic: Traffic, berth: Berth, folder: Path, seed: int, look: Look) -> Picture:
    """Draw and write one look; the same arguments give the same file."""
    when = look.acquired_at
    rng = np.random.default_rng([seed, int(when.timestamp())])
    lon, lat = berth.geometry.centroid.coords[0]
    # The land is taken to lie east of the berth, left of a frame that looks down the coast.
    middle = frame_at(CRS, lon, lat, berth.heading_deg + 180)
    layout = port_around_berth(middle, longest_ship_m=120.0, seed=seed)
    centre = middle.at(0, 700)
    scene = SyntheticScene(
        crs=CRS,
        left=centre.x - WIDTH * GSD_M / 2,
        top=centre.y + HEIGHT * GSD_M / 2,
        width=WIDTH,
        height=HEIGHT,
        gsd_m=GSD_M,
        acquired_at=when,
        layout=layout,
        ships=tuple(ships_at(rng, traffic, look, middle, layout.moorings)),
        conditions=Conditions(
            sea=Sea(wind_from_deg=float(rng.uniform(0, 360)), wave_contrast=float(rng.uniform(0.02, 0.08))),
            light=sunlight(when, lon, lat),
            sky=Sky(cloud_cover=look.cloud_cover, haze=float(rng.uniform(0.0, 0.1))),
            sensor=Sensor(gain=float(rng.uniform(0.9, 1.1)), noise=float(rng.uniform(1.0, 2.5))),
        ),
        off_swath=0.0 if look.on_swath else 0.6,
        seed=int(rng.integers(2**31)),
    )
    path, truth_path = write_scene(scene, folder / f"demo-{when:%Y%m%dT%H%M%SZ}.tif")
    ships = [feature["properties"] for feature in json.loads(truth_path.read_text())["features"]]
    clear = {ship["name"] for ship in ships if ship["visible"] > 0.95 and ship["cloud"] < 0.2}
    return Picture(look, path, tuple(sorted(clear & {call.name for call in traffic.calls})))


def ships_at(
    rng: np.random.Generator, traffic: Traffic, look: Look, middle: Frame, moorings: tuple[Mooring, ...]
) -> list[SyntheticShip]:
    """Where every ship lies at the time of a look: alongside, at anchor with the wind, or under way in the bay."""
    # The first mooring is the watched berth; of the others the first of each kind is used.
    quays = {mooring.kind: mooring for mooring in reversed(moorings[1:])} | {"berth": moorings[0]}
    wind_from_deg = float(rng.uniform(0, 360))
    ships = small_craft(rng, middle)
    for stay in (*traffic.calls, *traffic.others):
        if not stay.covers(look.acquired_at):
            continue
        if stay.place in quays:
            ships.append(alongside(stay, quays[stay.place]))
        else:
            s, t = ANCHOR_SPOTS[int(stay.place.removeprefix("anchor-"))]
            swung = middle.at(s + float(rng.normal(0, 25)), t + float(rng.normal(0, 25)))
            ships.append(placed(stay, swung.x, swung.y, wind_from_deg + float(rng.normal(0, 6))))
    return ships


def alongside(stay: Stay, mooring: Mooring) -> SyntheticShip:
    """A moored ship: a metre or two off the quay, amidships near its middle, either side to; alike at every look."""
    rng = np.random.default_rng([stay.hull.seed, int(stay.arrival.timestamp())])
    middle_m = mooring.length_m / 2 + float(rng.normal(0, 4))
    off_m = stay.hull.beam_m / 2 + float(rng.uniform(0.5, 2.5))
    turned_deg = (180.0 if rng.random() < 0.5 else 0.0) + float(rng.normal(0, 0.5))
    spot = mooring.frame.at(middle_m, off_m, turned_deg)
    return placed(stay, spot.x, spot.y, spot.heading_deg)


def small_craft(rng: np.random.Generator, middle: Frame) -> list[SyntheticShip]:
    """Tugs and fishing boats under way."""
    craft = []
    for number in range(int(rng.integers(3, 8))):
        kind = str(rng.choice(["tug-service", "fishing"]))
        length_m = float(rng.uniform(16, 38))
        spot = middle.at(float(rng.uniform(-1200, 900)), float(rng.uniform(300, 2000)), float(rng.uniform(0, 360)))
        craft.append(
            SyntheticShip(
                spot.x,
                spot.y,
                spot.heading_deg,
                length_m,
                random_beam(rng, kind, length_m),
                kind,
                seed=int(rng.integers(2**31)),
                speed_mps=float(rng.uniform(0, 6)),
                name=f"craft-{number + 1}",
            )
        )
    return craft


def placed(stay: Stay, x: float, y: float, heading_deg: float) -> SyntheticShip:
    """A hull put on the map; UTM metres, heading from grid north."""
    hull: Hull = stay.hull
    return SyntheticShip(x, y, heading_deg % 360, hull.length_m, hull.beam_m, hull.kind, seed=hull.seed, name=stay.name)
