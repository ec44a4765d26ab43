"""(f) Rows of moored tankers at all angles and gaps, and at all phases of the seams between tiles."""

import importlib
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from berthwatch.imagery.scene import Scene
from berthwatch.imagery.tiles import TileGrid, TileWindow
from berthwatch.inference.detect import DetectSettings
from berthwatch.inference.seams import SceneBoxes
from berthwatch.models.boxes import Boxes
from berthwatch.models.merge import merge

from .fresh import in_fresh_process
from .sizes import Sizes
from .table import Row

TITLE = "Tankers moored side by side"
GSD_M = 3.0
TILE_PX = 640
GAPS_M = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0)
HULL_M = (250.0, 44.0)
_IN_A_ROW = 4


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Boxes are perfect here: only merging is on trial."""
    return in_fresh_process("moored", "measure", angles=sizes.moored_angles, phases=sizes.moored_phases)


def measure(angles: int, phases: int) -> dict[str, Any]:
    """Ships kept, of rows in one tile, and across seams; by SAHI's merging too where it is installed."""
    turns = np.arange(angles) * math.pi / angles
    rows_ = [moored_row(angle, gap_m) for angle in turns for gap_m in GAPS_M]
    kept = {"berthwatch": sum(len(merge(row)) for row in rows_)}
    if importlib.util.find_spec("sahi"):
        kept["SAHI"] = sum(sahi_keeps(row) for row in rows_)
    across = [_across_seams(phase, phases) for phase in range(phases)]
    return {
        "rows": len(rows_),
        "ships": _IN_A_ROW * len(rows_),
        "kept": kept,
        "seam_ships": _IN_A_ROW * phases,
        "seam_kept": sum(found for found, _ in across),
        "seam_duplicates": sum(twice for _, twice in across),
    }


def moored_row(angle: float, gap_m: float, x: float = 500.0, y: float = 500.0) -> Boxes:
    """Four hulls of 250 x 44 m side by side about (x, y), pixels of 3 m, best score first."""
    length, beam = (side / GSD_M for side in HULL_M)
    place = (np.arange(_IN_A_ROW) - 1.5) * (beam + gap_m / GSD_M)
    shape = np.tile([length, beam, angle], (_IN_A_ROW, 1))
    xywhr = np.column_stack([x - place * math.sin(angle), y + place * math.cos(angle), shape])
    return Boxes.from_xywhr(xywhr, np.linspace(0.9, 0.6, _IN_A_ROW))


def sahi_keeps(row: Boxes) -> int:
    """How many of the boxes SAHI's merging keeps: NMS of upright hulls, which it takes for oriented boxes."""
    combine = importlib.import_module("sahi.postprocess.combine")
    prediction = importlib.import_module("sahi.prediction")
    corners = row.corners()
    predictions = [
        prediction.ObjectPrediction(
            bbox=[*box.min(axis=0).tolist(), *box.max(axis=0).tolist()],
            category_id=0,
            category_name="tanker",
            score=float(value),
            segmentation=[box.ravel().tolist()],
            full_shape=[2000, 2000],
        )
        for box, value in zip(corners, row.scores, strict=True)
    ]
    return len(combine.NMSPostprocess(match_threshold=0.5, match_metric="IOS")(predictions))


def _across_seams(phase: int, phases: int) -> tuple[int, int]:
    """(ships found, further boxes) of a row that tiles cut, seen with errors of a pixel, fragments included."""
    rng = np.random.default_rng(phase)
    grid = _grid()
    step = grid.tiles[1].x0
    # The phases go along a diagonal through one period of the grid that is not its own, so that no two are alike.
    x, y = grid.width / 2 + step * phase / phases, grid.height / 2 + step * (phase * 7 % phases) / phases
    ships = moored_row(float(rng.uniform(0, math.pi)), float(rng.choice(GAPS_M)), x, y)
    found = SceneBoxes(grid)
    picture = np.ones((TILE_PX, TILE_PX, 3), np.uint8)
    for window in grid.tiles:
        found.add(window, picture, _sighting(ships, window, rng))
    boxes, _ = found.merged()
    hulls = shapely.polygons(ships.corners())
    at = shapely.STRtree(hulls).query(shapely.points(boxes.xywha[:, :2]), predicate="within")[1]
    kept = len(set(at.tolist()))
    return kept, len(boxes) - kept


def _grid() -> TileGrid:
    """Of a scene without a file: no pixel is read."""
    side = 4 * TILE_PX
    transform = Affine(GSD_M, 0, 500_000, 0, -GSD_M, 4_740_000)
    crs = CRS.from_epsg(32653)
    scene = Scene("moored", "", None, crs, transform, side, side, GSD_M, GSD_M, GSD_M, (1, 2, 3), "uint8", None)
    return TileGrid.plan(scene, gsd_m=GSD_M, tile_px=TILE_PX, overlap_m=DetectSettings().overlap_m)


def _sighting(ships: Boxes, window: TileWindow, rng: np.random.Generator) -> Boxes:
    """What a good detector reports of a tile: each ship of which a third or more is inside, as far as it is inside."""
    tile = shapely.box(0, 0, TILE_PX, TILE_PX)
    reports, scores = [], []
    for box, corners in zip(ships.shifted(-window.x0, -window.y0).xywha, _corners_in(ships, window), strict=True):
        part = shapely.intersection(shapely.Polygon(corners), tile)
        share = part.area / (box[2] * box[3])
        if share >= 1 / 3:
            reports.append(_box_along(np.array(shapely.get_coordinates(part)), box[4]) + rng.normal(0, _ERROR))
            scores.append(0.5 + 0.4 * share + rng.uniform(-0.05, 0.05))
    return Boxes.from_xywhr(reports, scores) if reports else Boxes.empty()


_ERROR = np.array([0.5, 0.5, 1.0, 0.3, 0.005])


def _corners_in(ships: Boxes, window: TileWindow) -> NDArray[np.float64]:
    return ships.shifted(-window.x0, -window.y0).corners()


def _box_along(points: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """The rectangle at an angle that bounds the points: cx, cy, along, across, angle."""
    axes = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    low, high = (points @ axes.T).min(axis=0), (points @ axes.T).max(axis=0)
    return np.array([*((low + high) / 2 @ axes), *(high - low), angle])


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    ships = result["ships"]
    shown = [
        Row(
            f"{name}: ships kept, {result['rows']} rows, all angles, gaps 0 to 40 m",
            f"{kept} of {ships}",
            "all" if name == "berthwatch" else "",
            kept == ships if name == "berthwatch" else None,
        )
        for name, kept in result["kept"].items()
    ]
    found, of, twice = result["seam_kept"], result["seam_ships"], result["seam_duplicates"]
    figure = f"{found} of {of}, {twice} duplicates"
    return [*shown, Row("berthwatch: ships of rows cut by seams", figure, "all, 0", found == of and not twice)]
