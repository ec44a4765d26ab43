"""The demo's pictures: an invented harbour round the port's berth, the ships of one moment, the weather of one day."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from pyproj import Transformer

from .configs.port import Berth
from .demo_traffic import Hull, Look, Traffic
from .imagery.synthetic.builders import (
    Plan,
    bulk_yard,
    container_terminal,
    oil_jetty,
    tank_farm,
    warehouses,
    wild_shore,
)
from .imagery.synthetic.canvas import Frame, Light
from .imagery.synthetic.harbour import HarbourLayout, rectangle_land
from .imagery.synthetic.picture import Conditions, View, take_picture
from .imagery.synthetic.sea import Sea
from .imagery.synthetic.sensor import Sensor, Sky
from .imagery.synthetic.ships import SyntheticShip, random_beam
from .models.cores import granted_cores

CRS = "EPSG:32653"  # UTM zone 53N, in which Vostochny lies
GSD_M = 3.0
WIDTH, HEIGHT = 1100, 950
JETTY_REACH_M = 60.0
# Anchor berths seen from the middle of the oil berth: metres along the coast, metres out to sea.
ANCHOR_SPOTS = ((-900, 1000), (-250, 1250), (450, 1050), (1000, 1500), (-600, 1900), (200, 2100))


def berth_frame(berth: Berth) -> Frame:
    """The quay line in UTM metres: origin in its middle, looking along it with the water on the right.

    The land is taken to lie on the right-hand side of `heading_deg`; which side it really is does not matter here.
    """
    to_utm = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    corners = np.column_stack(to_utm.transform(*np.array(berth.polygon).T))
    middle = corners.mean(axis=0)
    # Grid north at the berth, from a step to true north: UTM's convergence is over a degree here.
    lon, lat = np.array(berth.polygon).mean(axis=0)
    (x0, x1), (y0, y1) = to_utm.transform([lon, lon], [lat - 0.01, lat + 0.01])
    convergence_deg = float(np.degrees(np.arctan2(x1 - x0, y1 - y0)))
    along = Frame(float(middle[0]), float(middle[1]), (berth.heading_deg + convergence_deg + 180) % 360)
    inland_m = along.to_local(corners)[:, 1].min()
    return along.at(0, float(inland_m))


def harbour(berth: Berth, seed: int) -> HarbourLayout:
    """A T-jetty at the berth, a tank farm behind it, a container quay up the coast, a coal yard down it."""
    rng = np.random.default_rng([seed, 1])
    coast = berth_frame(berth).at(0, -JETTY_REACH_M - 1.5)
    plan = Plan()
    plan.ground.append(rectangle_land(coast, -4000, 4000, -4000, -2, (112, 110, 84), rough=220))
    plan.add(wild_shore(rng, coast.at(-4000, 0), 2700, 500))
    plan.add(container_terminal(rng, coast.at(-1300, 25), 700, 300))
    plan.add(warehouses(rng, coast.at(-600, 0), 350, 180))
    plan.add(wild_shore(rng, coast.at(-250, 0), 600, 300))
    plan.add(tank_farm(rng, coast.at(-220, -30), 420, 220))
    plan.add(oil_jetty(rng, coast, JETTY_REACH_M, 115.0))
    plan.add(bulk_yard(rng, coast.at(350, 10), 600, 250))
    plan.add(wild_shore(rng, coast.at(950, 0), 3000, 500))
    return HarbourLayout(tuple(plan.ground + plan.standing), tuple(plan.moorings), seed=seed)


def ships_at(traffic: Traffic, look: Look, berth: Berth, seed: int) -> list[SyntheticShip]:
    """Where every ship lies at the time of a look: alongside, at anchor with the wind, or under way in the bay."""
    time = look.acquired_at
    rng = np.random.default_rng([seed, 2, int(time.timestamp())])
    quay = berth_frame(berth)
    ships = [alongside(call.hull, quay, call.arrival) for call in traffic.calls if call.covers(time)]
    container_quay = quay.at(-950, -JETTY_REACH_M - 1.5 + 25)
    ships += [
        alongside(stay.hull, container_quay, stay.arrival) for stay in traffic.at_container_quay if stay.covers(time)
    ]
    wind_from_deg = float(rng.uniform(0, 360))
    for stay in traffic.at_anchor:
        if stay.covers(time):
            s, t = ANCHOR_SPOTS[stay.spot]
            anchor = quay.at(s + float(rng.normal(0, 25)), t + float(rng.normal(0, 25)))
            ships.append(placed(stay.hull, anchor.x, anchor.y, wind_from_deg + float(rng.normal(0, 6))))
    return ships + small_craft(rng, quay)


def alongside(hull: Hull, quay: Frame, arrival: datetime) -> SyntheticShip:
    """A moored ship: a metre or two off the quay, her middle near its middle, either side to; alike at every look."""
    rng = np.random.default_rng([hull.seed, int(arrival.timestamp())])
    turned = 180.0 if rng.random() < 0.5 else 0.0
    spot = quay.at(
        float(rng.normal(0, 5)), hull.beam_m / 2 + float(rng.uniform(0.5, 2.5)), turned + float(rng.normal(0, 0.5))
    )
    return placed(hull, spot.x, spot.y, spot.heading_deg)


def small_craft(rng: np.random.Generator, quay: Frame) -> list[SyntheticShip]:
    """Tugs and fishing boats under way."""
    craft = []
    for _ in range(int(rng.integers(3, 8))):
        kind = str(rng.choice(["tug-service", "fishing"]))
        length_m = float(rng.uniform(16, 38))
        spot = quay.at(float(rng.uniform(-1500, 1500)), float(rng.uniform(300, 2400)), float(rng.uniform(0, 360)))
        hull = Hull(kind, length_m, random_beam(rng, kind, length_m), int(rng.integers(2**31)))
        craft.append(placed(hull, spot.x, spot.y, spot.heading_deg, speed_mps=float(rng.uniform(0, 6))))
    return craft


def placed(hull: Hull, x: float, y: float, heading_deg: float, speed_mps: float = 0.0) -> SyntheticShip:
    """A hull put on the map; UTM metres, heading from grid north."""
    return SyntheticShip(
        x, y, heading_deg % 360, hull.length_m, hull.beam_m, hull.kind, seed=hull.seed, speed_mps=speed_mps
    )


@dataclass(frozen=True)
class Picture:
    """A picture drawn of one look, and the share of the berth's outline that it shows free of cloud."""

    look: Look
    path: Path
    berth_clear: float


def draw_pictures(traffic: Traffic, berth: Berth, folder: Path, *, seed: int) -> tuple[Picture, ...]:
    """Draw every look into the folder as a GeoTIFF with its truth beside it; one process a core."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = partial(draw_picture, traffic, berth, folder, seed)
    with ProcessPoolExecutor(granted_cores(), mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(draw, traffic.looks))


def draw_picture(traffic: Traffic, berth: Berth, folder: Path, seed: int, look: Look) -> Picture:
    """Draw and write one look; the same arguments give the same file."""
    rng = np.random.default_rng([seed, 3, int(look.acquired_at.timestamp())])
    quay = berth_frame(berth)
    # Beside the swath means that the picture ends two kilometres off the berth.
    centre = quay.at(0, 800 if look.on_swath else 800 + WIDTH * GSD_M)
    view = View(centre.x - WIDTH * GSD_M / 2, centre.y + HEIGHT * GSD_M / 2, WIDTH, HEIGHT, GSD_M)
    rgb, clouds = take_picture(
        rng, view, weather(rng, look), harbour(berth, seed), ships_at(traffic, look, berth, seed)
    )
    path = folder / f"demo-{look.acquired_at:%Y%m%dT%H%M%SZ}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=3, dtype="uint8", crs=CRS,
        transform=Affine(GSD_M, 0, view.left, 0, -GSD_M, view.top), photometric="RGB", compress="deflate", tiled=True,
    ) as file:  # fmt: skip
        file.write(np.moveaxis(rgb, 2, 0))
        file.update_tags(TIFFTAG_DATETIME=f"{look.acquired_at:%Y:%m:%d %H:%M:%S}")
    xy = view.to_pixels(quay.rectangle(-75, 75, 0, 40)).mean(axis=0)
    column, row = int(xy[0]), int(xy[1])
    inside = 0 <= column < WIDTH and 0 <= row < HEIGHT
    around = clouds[max(row - 15, 0) : row + 15, max(column - 15, 0) : column + 15]
    return Picture(look, path, float((around < 0.3).mean()) if inside else 0.0)


def weather(rng: np.random.Generator, look: Look) -> Conditions:
    """Sea, sun, sky and camera of one morning in spring."""
    sea = Sea(wind_from_deg=float(rng.uniform(0, 360)), wave_contrast=float(rng.uniform(0.02, 0.08)))
    light = Light(azimuth_deg=float(rng.uniform(150, 175)), elevation_deg=float(rng.uniform(38, 56)))
    sky = Sky(cloud_cover=look.cloud_cover, haze=float(rng.uniform(0.0, 0.1)))
    sensor = Sensor(gain=float(rng.uniform(0.9, 1.1)), noise=float(rng.uniform(1.0, 2.5)))
    return Conditions(sea, light, sky, sensor)
