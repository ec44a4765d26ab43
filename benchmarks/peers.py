"""(b) Against what a user would take instead: SAHI over Ultralytics, and Ultralytics over tiles cut beforehand.

All get the same file, the same weights (those of the shipped model: Ultralytics' network is built from the safetensors
file, and our model in 8-bit integers holds them rounded), the same tile, overlap and cores; each works in a process of
its own, and the best of its repeats counts. Times run from opening the file to the last box, after one tile to warm up;
loading a model counts for none.

Thresholds differ, as scores do: ours is the chance of any ship, the sum over the classes, and theirs the best class's.
Peers keep all from Ultralytics' own default on, at which they report about as many false ships as ours does.
"""

import importlib
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from berthwatch.imagery.radiometry import estimate_stretch
from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.imagery.tiles import TileGrid, read_tiles
from berthwatch.inference.detect import DetectSettings, detect_scene, plan_grid
from berthwatch.models.boxes import Boxes
from berthwatch.models.cores import granted_cores
from berthwatch.models.registry import DEFAULT_MODEL, INT8_MODEL, WEIGHTS, load_detector

from .fresh import in_fresh_process
from .machine import has_bf16_matrix_units
from .pictures import Truth, port_picture
from .scoring import score, seen_in_tiles
from .sizes import Sizes
from .table import Row, seconds

_PEERS_SCORE = 0.25  # Ultralytics' default

TITLE = "Against SAHI and Ultralytics: same scene, weights, tiles, overlap and cores"


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Every way over one scene, in turn; peers that are not installed are left out and named."""
    picture = folder / "peers.tif"
    truth = port_picture(picture, sizes.peers_px, rows=sizes.peers_rows)
    seen_by = {model: _seen_by(model, picture, truth) for model in (DEFAULT_MODEL, INT8_MODEL)}
    missing = [name for name in ("openvino", "ultralytics", "sahi") if importlib.util.find_spec(name) is None]
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("berthwatch", "berthwatch", {"model": DEFAULT_MODEL, "backend": "onnxruntime"}),
        ("berthwatch, 8-bit integers", "berthwatch", {"model": INT8_MODEL, "backend": "onnxruntime"}),
    ]
    if "openvino" not in missing:
        ways.append(("berthwatch, OpenVINO", "berthwatch", {"model": DEFAULT_MODEL, "backend": "openvino"}))
    if "ultralytics" not in missing:
        ways += [("Ultralytics", "ultralytics", {"batch": batch}) for batch in sizes.peers_batches]
        if "sahi" not in missing:
            ways += [("SAHI", "sahi", {"batch": batch}) for batch in sizes.peers_batches]
    results = []
    for name, function, options in ways:
        runs = [
            in_fresh_process("peers", function, picture=str(picture), **options) for _ in range(sizes.peers_repeats)
        ]
        done = min(runs, key=lambda run: run["seconds"])
        counts = score(_boxes(done), truth, seen_by[options.get("model", DEFAULT_MODEL)])
        del done["xywha"], done["scores"]
        results.append({"name": name, **options, **done, **counts})
    return {
        "side_px": sizes.peers_px,
        "ships_seen_clearly": int(seen_by[DEFAULT_MODEL].sum()),
        "ships_with_neighbour": int(truth.has_neighbour.sum()),
        "ways": results,
        "missing": missing,
        "bf16_matrix_units": has_bf16_matrix_units(),
    }


def _seen_by(model: str, picture: Path, truth: Truth) -> NDArray[np.bool_]:
    """(n,) which ships the model's network sees clearly."""
    unmerged = in_fresh_process("peers", "report_of_every_tile", picture=str(picture), model=model)
    tiles = [(tile["x0"], tile["y0"], _boxes(tile)) for tile in unmerged["tiles"]]
    return seen_in_tiles(tiles, unmerged["tile_px"], truth)


def _boxes(done: dict[str, Any]) -> Boxes:
    return Boxes.from_xywhr(done["xywha"], done["scores"]) if done["scores"] else Boxes.empty()


def _told(boxes: Boxes, **facts: object) -> dict[str, Any]:
    return {"xywha": boxes.xywha.tolist(), "scores": boxes.scores.tolist(), **facts}


def _grid(scene: Scene, tile_px: int) -> TileGrid:
    """The tiles that every way gets, at the scene's own GSD: peers know no other."""
    return TileGrid.plan(scene, gsd_m=scene.gsd_m, tile_px=tile_px, overlap_m=DetectSettings().overlap_m)


def report_of_every_tile(picture: str, model: str) -> dict[str, Any]:
    """All that the network says above the threshold in any tile, nothing suppressed."""
    scene, detector = open_scene(picture), load_detector(model, device="cpu", backend="onnxruntime")
    grid = plan_grid(scene, detector.metadata, DetectSettings())
    tiles = []
    for (window,), tile in read_tiles(grid, estimate_stretch(scene), batch_size=1):
        rows = detector.raw_output(tile)[0].T  # type: ignore[attr-defined]
        best = rows[:, 4:-1].max(axis=1)
        rows, best = rows[best >= detector.metadata.score_threshold], best[best >= detector.metadata.score_threshold]
        boxes = Boxes.from_xywhr(rows[:, [0, 1, 2, 3, -1]], best).shifted(window.x0, window.y0)
        tiles.append(_told(boxes, x0=window.x0, y0=window.y0))
    return {"tiles": tiles, "tile_px": grid.tile_px}


def berthwatch(picture: str, model: str, backend: Any) -> dict[str, Any]:
    """Our own way, measured ships in metres and deadweight included."""
    detector = load_detector(model, device="cpu", backend=backend)
    detector.detect(_blank(detector.metadata.tile_px))
    start = time.perf_counter()
    scene = open_scene(picture)
    _, ships = detect_scene(scene, detector, DetectSettings(score_threshold=detector.metadata.score_threshold))
    taken = time.perf_counter() - start
    corners = [scene.from_lonlat(np.array(polygon.exterior.coords)[:4]) for polygon in ships.geometry]
    boxes = Boxes.from_corners(np.array(corners).reshape(-1, 4, 2), ships["score"])
    return _told(boxes, seconds=taken, runtime=detector.description)


def ultralytics(picture: str, batch: int) -> dict[str, Any]:
    """Ultralytics' predict over tiles cut beforehand; what it says of each is moved to its place, and that is all."""
    model, metadata = _yolo()
    options = {"imgsz": metadata.tile_px, "conf": _PEERS_SCORE, "device": "cpu", "verbose": False}
    start = time.perf_counter()
    scene = open_scene(picture)
    grid = _grid(scene, metadata.tile_px)
    with rasterio.open(picture) as file:
        image = file.read([3, 2, 1]).transpose(1, 2, 0)  # Ultralytics takes arrays as BGR
    side = metadata.tile_px
    tiles = [np.ascontiguousarray(image[t.y0 : t.y0 + side, t.x0 : t.x0 + side]) for t in grid.tiles]
    parts = []
    for first in range(0, len(tiles), batch):
        for window, result in zip(
            grid.tiles[first : first + batch], model.predict(tiles[first : first + batch], **options), strict=True
        ):
            boxes = Boxes.from_xywhr(result.obb.xywhr.numpy(), result.obb.conf.numpy())
            parts.append(boxes.shifted(window.x0, window.y0))
    return _told(Boxes.concat(parts), seconds=time.perf_counter() - start, runtime=_torch())


def sahi(picture: str, batch: int) -> dict[str, Any]:
    """SAHI with its default merging, without its extra look at the whole scene."""
    predict, models = importlib.import_module("sahi.predict"), importlib.import_module("sahi")
    model, metadata = _yolo()
    wrapped = models.AutoDetectionModel.from_pretrained(
        "ultralytics",
        model=model,
        confidence_threshold=_PEERS_SCORE,
        device="cpu",
        image_size=metadata.tile_px,
    )
    start = time.perf_counter()
    grid = _grid(open_scene(picture), metadata.tile_px)
    side, ratio = grid.tile_px, grid.overlap_px / grid.tile_px
    slices = {"slice_height": side, "slice_width": side, "overlap_height_ratio": ratio, "overlap_width_ratio": ratio}
    found = predict.get_sliced_prediction(
        picture, wrapped, **slices, perform_standard_pred=False, batch_size=batch, verbose=0
    ).object_prediction_list
    taken = time.perf_counter() - start
    corners = np.array([one.mask.segmentation[0] for one in found], float).reshape(-1, 4, 2)
    boxes = Boxes.from_corners(corners, [one.score.value for one in found])
    return _told(boxes, seconds=taken, runtime=f"{_torch()}, SAHI {models.__version__}")


def _blank(tile_px: int) -> NDArray[np.uint8]:
    return np.zeros((1, tile_px, tile_px, 3), np.uint8)


def _yolo() -> tuple[Any, Any]:
    """An Ultralytics model of the shipped weights, and our card of it."""
    from ultralytics import YOLO
    from ultralytics.utils import torch_utils

    from berthwatch.models.network import load_network

    network, metadata = load_network(WEIGHTS / f"{DEFAULT_MODEL}.safetensors")
    model: Any = YOLO(f"{metadata.architecture}.yaml", task="obb")
    network.names = dict(enumerate(metadata.classes))
    network.args = {"task": "obb", "imgsz": metadata.tile_px}
    model.model, model.overrides["task"] = network, "obb"
    # Ultralytics leaves one core unused, whenever it sets a device: here all ways get the same cores.
    torch_utils.NUM_THREADS = granted_cores()
    model.predict(list(_blank(metadata.tile_px)), imgsz=metadata.tile_px, device="cpu", verbose=False)
    return model, metadata


def _torch() -> str:
    import torch
    import ultralytics as package

    return f"torch {torch.__version__}, {torch.get_num_threads()} threads, Ultralytics {package.__version__}"


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    ours = [way for way in result["ways"] if way["name"].startswith("berthwatch")]
    shown = [
        Row(
            f"{way['name']}{', batch {}'.format(way['batch']) if 'batch' in way else ''} ({way['runtime']})",
            f"{seconds(way['seconds'])}, peak {way['peak_rss_mb']:.0f} MB, {way['found']} of {way['ships']} ships, "
            f"{way['duplicates']} duplicates, {way['lost_neighbours']} lost neighbours, {way['false']} false",
        )
        for way in result["ways"]
    ]
    if sahis := [way for way in result["ways"] if way["name"] == "SAHI"]:
        best = min(sahis, key=lambda way: way["seconds"])
        for way in ours:
            factor = best["seconds"] / way["seconds"]
            aim = 2 if way["backend"] == "onnxruntime" else 4
            # OpenVINO's gain is that of the processor's matrix units; vector instructions alone promise less.
            asked = aim == 2 or result["bf16_matrix_units"]
            shown.append(
                Row(
                    f"SAHI at its best batch ({best['batch']}) / {way['name']}, time",
                    f"{seconds(best['seconds'])} / {seconds(way['seconds'])} = {factor:.2f}",
                    f"at least {aim}" if asked else f"{aim} with bf16 matrix units (AMX): none here",
                    factor >= aim if asked else None,
                )
            )
            figures = (f"{one['found']} and {one['false']} false" for one in (way, best))
            shown.append(
                Row(
                    f"ships found, {way['name']} / SAHI",
                    " / ".join(figures),
                    "no fewer",
                    way["found"] >= best["found"],
                )
            )
    lost = sum(way["lost_neighbours"] for way in ours)
    told = f"{lost} / {max(way['lost_neighbours'] for way in sahis)}" if sahis else str(lost)
    shown.append(Row("neighbours lost by merging, berthwatch / SAHI", told, "0 of ours", lost == 0))
    if result["missing"]:
        shown.append(Row("not installed, not measured", ", ".join(result["missing"])))
    return shown
