"""Which chips are cut from which picture: the grid in metres, the ships in it, the negatives that are kept."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from ..configs.chips import ChipsConfig
from ..imagery.grid import TileGrid, TileWindow
from .chips import KIND_VISIBLE_PX
from .crops import FORGET_VISIBLE
from .datasets.read import LabelledImage
from .labels import ShipLabels
from .splits import Split

# Of a chip, so much must be picture: a hull in a black frame teaches nothing about where hulls are.
LEAST_COVER = 0.1
# A box known upright only tells the direction of its hull where it is long and narrow. A hull of length 6 and beam 1
# turned by 10 degrees has an upright box of 6.1 by 2.0.
ELONGATED = 3.0


@dataclass(frozen=True)
class ChipJob:
    """The chips of one picture at one GSD.

    prefix: their names begin with it. grid: over the picture, with the tiles that are to be cut. holds_ship: whether
    a tile holds any part of a ship, a tile each; the others are negatives. labels: the picture's ships in working
    pixels of the grid, marked difficult where they are no targets.
    """

    prefix: str
    image: LabelledImage
    grid: TileGrid
    holds_ship: tuple[bool, ...]
    labels: ShipLabels
    split: Split = "train"

    @property
    def count(self) -> int:
        """How many chips it plans."""
        return len(self.grid.tiles)

    @property
    def sensor_px(self) -> float:
        """Chip pixels that one of the picture's own spans, at least 1."""
        return max(1.0, self.image.scene.gsd_m / self.grid.gsd_m)

    def chip_name(self, tile: TileWindow) -> str:
        """Of a chip, safe as a file name."""
        return f"{self.prefix}_{tile.row:03d}_{tile.col:03d}"


def plan_jobs(image: LabelledImage, config: ChipsConfig) -> list[ChipJob]:
    """The chips of a picture of known GSD, at every GSD that it can show; but for those with little picture."""
    jobs = []
    for gsd_m in config.gsd_m:
        if gsd_m < image.scene.gsd_m / config.most_upsampling:
            continue
        half_a_chip_m = config.chip_px * gsd_m / 2
        overlap_m = min(config.overlap_m, half_a_chip_m)
        grid = TileGrid.plan(image.scene, gsd_m=gsd_m, tile_px=config.chip_px, overlap_m=overlap_m)
        labels = _labels_on(grid, image, elongated_only=config.upright_boxes == "elongated")
        shown, touched = _tiles_with_ships(grid, labels)
        # A sliver of a hull is no ship, but no water either.
        usable = [
            (tile, bool(ship))
            for tile, ship, sliver in zip(grid.tiles, shown, touched & ~shown, strict=True)
            if not sliver and _cover(grid, tile) >= LEAST_COVER
        ]
        if usable:
            tiles, holds_ship = zip(*usable, strict=True)
            prefix = f"{file_name(image.name)}_{gsd_m:g}m"
            jobs.append(ChipJob(prefix, image, replace(grid, tiles=tiles), holds_ship, labels))
    return jobs


def file_name(name: str) -> str:
    """A picture's name as part of a file name: "sentinel2/S2_genoa" becomes "sentinel2_S2_genoa-" and a digest.

    The digest keeps names apart that differ in letters a file name cannot have.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("/", "_")).strip(".-")
    return f"{safe[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _cover(grid: TileGrid, tile: TileWindow) -> float:
    """Share of a tile that the picture covers. A picture of 100 x 80 px in a tile of 320: 8000 / 102400 = 0.08."""
    width = min(grid.tile_px, grid.width - tile.x0)
    height = min(grid.tile_px, grid.height - tile.y0)
    return width * height / grid.tile_px**2


def _labels_on(grid: TileGrid, image: LabelledImage, *, elongated_only: bool) -> ShipLabels:
    """The ships in working pixels: of unknown kind where too few pixels show it, difficult where no target."""
    labels = image.labels
    corners = grid.from_scene(labels.corners.reshape(-1, 2)).reshape(-1, 4, 2)
    moved = labels.moved(corners)
    # Where the picture is shown finer than it was taken, the hull spans more pixels, but shows no more.
    shown_finer = max(1.0, image.scene.gsd_m / grid.gsd_m)
    visible = moved.sides[:, 0] >= KIND_VISIBLE_PX * shown_finer if len(moved) else np.zeros(0, bool)
    kinds = tuple(kind if seen else "ship" for kind, seen in zip(labels.kinds, visible, strict=True))
    no_target = np.zeros(len(labels), bool)
    if elongated_only and len(labels):
        no_target = image.upright & (labels.sides[:, 0] < ELONGATED * labels.sides[:, 1])
    return ShipLabels(corners, kinds, labels.difficult | no_target)


def _tiles_with_ships(grid: TileGrid, labels: ShipLabels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which tiles show enough of a ship to keep its label, and which touch one at all, (tiles,) each."""
    frames = np.array([shapely.box(t.x0, t.y0, t.x0 + grid.tile_px, t.y0 + grid.tile_px) for t in grid.tiles])
    shown, touched = np.zeros(len(frames), bool), np.zeros(len(frames), bool)
    if len(labels):
        hulls = np.array([shapely.MultiPoint(corners).convex_hull for corners in labels.corners])
        hull, frame = shapely.STRtree(frames).query(hulls, predicate="intersects")
        visible = shapely.area(shapely.intersection(hulls[hull], frames[frame])) / shapely.area(hulls[hull])
        touched[frame] = True
        shown[frame[visible > FORGET_VISIBLE]] = True
    return shown, touched


def negatives_for(positives: int, share: float) -> int:
    """How many chips without ships make up a share of all. 80 with ships, share 0.2: 80 * 0.2 / 0.8 = 20."""
    return round(positives * share / (1 - share))


def keep_negatives(jobs: Sequence[ChipJob], *, share: float, seed: int) -> list[ChipJob]:
    """The jobs with all chips that hold ships, and of the rest so many that they make up `share` of each split.

    Which ones is decided by the seed and the chips' names alone.
    """
    kept: set[str] = set()
    for split in ("train", "val"):
        tiles = [(job, tile, ship) for job in jobs if job.split == split for tile, ship in _tiles(job)]
        negatives = [job.chip_name(tile) for job, tile, ship in tiles if not ship]
        negatives.sort(key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
        kept.update(negatives[: negatives_for(len(tiles) - len(negatives), share)])
    chosen = []
    for job in jobs:
        pairs = [(tile, ship) for tile, ship in _tiles(job) if ship or job.chip_name(tile) in kept]
        if pairs:
            grid = replace(job.grid, tiles=tuple(tile for tile, _ in pairs))
            chosen.append(replace(job, grid=grid, holds_ship=tuple(ship for _, ship in pairs)))
    return chosen


def _tiles(job: ChipJob) -> Iterator[tuple[TileWindow, bool]]:
    return zip(job.grid.tiles, job.holds_ship, strict=True)
