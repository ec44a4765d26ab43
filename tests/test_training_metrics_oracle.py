"""The metric code against others' code: overlaps by OpenCV, matching as COCO words it, AP by Ultralytics."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from berthwatch.models.boxes import Boxes
from berthwatch.training.comparison import AP_OVERLAPS
from berthwatch.training.evaluate import compare, figures
from berthwatch.training.evaluation_pictures import NULL_ISLAND
from berthwatch.training.labels import ShipLabels
from berthwatch.training.metrics import NOT_COUNTED, average_precision, match, overlaps, upright_hulls

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (extra: cuda)")

SEEDS = st.integers(0, 2**32 - 1)


def random_boxes(rng: np.random.Generator, n: int, *, span: float = 400.0) -> np.ndarray:
    """(n, 5) cx, cy, long, short, angle of hulls strewn over a square."""
    long = rng.uniform(12, 80, n)
    return np.column_stack(
        [rng.uniform(0, span, (n, 2)), long, long * rng.uniform(0.12, 0.6, n), rng.uniform(0, np.pi, n)]
    )


def jittered(rng: np.random.Generator, boxes: np.ndarray, strength: float) -> np.ndarray:
    """The same hulls as a detector might see them: moved, turned, longer or shorter."""
    n, short = len(boxes), boxes[:, 3:4]
    moved = boxes.copy()
    moved[:, :2] += rng.normal(0, strength, (n, 2)) * short
    moved[:, 2:4] *= np.exp(rng.normal(0, 0.3 * strength, (n, 2)))
    moved[:, 4] += rng.normal(0, 0.2 * strength, n)
    return moved


def iou_by_opencv(a: np.ndarray, b: np.ndarray) -> float:
    """Of two boxes (cx, cy, long, short, angle)."""
    # Near the origin its single precision is at its best.
    one, other = ((*(box[:2] - a[:2]), *box[2:4], np.degrees(box[4])) for box in (a, b))
    _, shared = cv2.rotatedRectangleIntersection(
        *(((x, y), (long, short), degrees) for x, y, long, short, degrees in (one, other))
    )
    area = 0.0 if shared is None else cv2.contourArea(cv2.convexHull(shared))
    return area / (a[2] * a[3] + b[2] * b[3] - area)


@given(SEEDS)
@example(94813)  # OpenCV: 0.3997, shapely: 0.4007
@settings(max_examples=30)
def test_overlaps_are_those_that_opencv_finds(seed):
    rng = np.random.default_rng(seed)
    ships = random_boxes(rng, 12, span=120)
    detections = np.concatenate([jittered(rng, ships, 0.3), random_boxes(rng, 6, span=120)])

    pairs = overlaps(*(Boxes.from_xywhr(boxes).corners() for boxes in (detections, ships)))

    ours = np.zeros((len(detections), len(ships)))
    ours[pairs.box, pairs.ship] = pairs.iou
    theirs = [[iou_by_opencv(detection, ship) for ship in ships] for detection in detections]
    # OpenCV takes corners of the shared part for one where they are closer than a thousandth of the larger box's side.
    np.testing.assert_allclose(ours, theirs, atol=4e-3)
    areas = detections[pairs.box, 2] * detections[pairs.box, 3], ships[pairs.ship, 2] * ships[pairs.ship, 3]
    np.testing.assert_allclose(pairs.share_of_box * areas[0], pairs.share_of_ship * areas[1])


@given(SEEDS)
@settings(max_examples=20)
def test_upright_hulls_are_the_bounds(seed):
    corners = Boxes.from_xywhr(random_boxes(np.random.default_rng(seed), 5)).corners()

    hulls = upright_hulls(corners)

    for box, hull in zip(corners, hulls, strict=True):
        assert shapely.Polygon(hull).bounds == pytest.approx(shapely.Polygon(box).bounds)
        assert shapely.Polygon(hull).area == pytest.approx(np.ptp(box, axis=0).prod())


def matched_as_coco_does(
    iou: np.ndarray, on_ignored: np.ndarray, ignored: np.ndarray, scores: np.ndarray, least: float
):
    """COCO's rule in its own words, pair by pair: 1 true, 0 false, -1 left out.

    iou: (m, n). on_ignored: (m, n), the share of the detection, by which COCO judges ships that are ignored.
    """
    taken, verdicts = set(), np.zeros(len(scores), int)
    for detection in sorted(range(len(scores)), key=lambda i: -scores[i]):
        best, best_iou = None, least
        for ship in range(iou.shape[1]):
            if ignored[ship] or ship in taken or iou[detection, ship] < best_iou:
                continue
            best, best_iou = ship, iou[detection, ship]
        if best is not None:
            taken.add(best)
            verdicts[detection] = 1
            continue
        for ship in np.flatnonzero(ignored):
            if iou[detection, ship] >= least or on_ignored[detection, ship] >= 0.5:
                verdicts[detection] = -1
    return verdicts


def picture(rng: np.random.Generator, ships: int):
    """Ships, difficult ones among them, and detections of some of them, of some twice, and of nothing."""
    true = random_boxes(rng, ships)
    strength = rng.choice([0.05, 0.15, 0.3], ships)[:, None]
    seen = np.concatenate([jittered(rng, row[None], float(s)) for row, s in zip(true, strength[:, 0], strict=True)])
    again = jittered(rng, true[rng.random(ships) < 0.3], 0.2)
    detections = np.concatenate([seen[rng.random(ships) < 0.8], again, random_boxes(rng, ships // 3)])
    scores = rng.permutation(np.linspace(0.02, 0.98, len(detections)))
    return true, rng.random(ships) < 0.2, detections, scores


@given(SEEDS, st.sampled_from(AP_OVERLAPS))
@settings(max_examples=40)
def test_matching_follows_cocos_rule(seed, least):
    true, difficult, seen, scores = picture(np.random.default_rng(seed), 15)
    corners, hulls = Boxes.from_xywhr(seen).corners(), Boxes.from_xywhr(true).corners()
    shared = np.array([[shapely.Polygon(a).intersection(shapely.Polygon(b)).area for b in hulls] for a in corners])
    areas = (seen[:, 2] * seen[:, 3])[:, None], true[:, 2] * true[:, 3]

    label_of = match(overlaps(corners, hulls), scores, ~difficult, min_iou=least)

    theirs = matched_as_coco_does(shared / (areas[0] + areas[1] - shared), shared / areas[0], difficult, scores, least)
    np.testing.assert_array_equal(np.where(label_of >= 0, 1, np.where(label_of == NOT_COUNTED, -1, 0)), theirs)


@given(SEEDS, st.integers(1, 60))
@settings(max_examples=50)
def test_average_precision_is_the_area_under_ultralytics_envelope(seed, count):
    compute_ap = pytest.importorskip("ultralytics.utils.metrics", reason="no ultralytics").compute_ap
    rng = np.random.default_rng(seed)
    scores, true = rng.permutation(np.linspace(0.1, 0.9, count)), rng.random(count) < rng.random()
    ships = int(true.sum()) + int(rng.integers(1, 5))

    ranked = true[np.argsort(-scores)].cumsum()
    _, envelope, recall = compute_ap(ranked / ships, ranked / np.arange(1, count + 1))

    # Its own area is taken at 101 recalls, by trapezes; the steps of its envelope are what ours sums.
    assert average_precision(scores, true, ships) == pytest.approx((np.diff(recall) * envelope[1:]).sum())


def test_the_figures_are_those_that_ultralytics_gives(tmp_path, write_raster):
    """The whole way: a picture's labels and detections, to AP50 and AP50-95."""
    ap_per_class = pytest.importorskip("ultralytics.utils.metrics", reason="no ultralytics").ap_per_class
    from berthwatch.imagery.scene import open_scene

    path = write_raster(np.full((3, 400, 400), 40, np.uint8), crs=NULL_ISLAND.to_wkt(), gsd_m=2.0, lonlat=(0.0, 0.0))
    scene = open_scene(path)
    verdicts, all_scores, ships, pairs = [], [], 0, []
    for seed in range(12):
        true, difficult, seen, scores = picture(np.random.default_rng(seed), 25)
        iou = np.array([[iou_by_opencv(a, b) for b in true] for a in seen])
        areas = (seen[:, 2] * seen[:, 3])[:, None], true[:, 2] * true[:, 3]
        on_ignored = iou * (areas[0] + areas[1]) / (1 + iou) / areas[0]
        verdicts.append([matched_as_coco_does(iou, on_ignored, difficult, scores, least) for least in AP_OVERLAPS])
        all_scores.append(scores)
        ships += int((~difficult).sum())
        corners, hulls = Boxes.from_xywhr(seen).corners(), Boxes.from_xywhr(true).corners()
        labels = ShipLabels(hulls, ("tanker",) * len(hulls), difficult)
        pairs.append(compare(scene, labels, frame(scene, corners, scores)))
    ap = []
    for at_overlap in np.concatenate(verdicts, axis=1):
        judged = at_overlap >= 0
        tp, confidence = (at_overlap == 1)[judged, None], np.concatenate(all_scores)[judged]
        ap.append(ap_per_class(tp, confidence, np.zeros(len(tp)), np.zeros(ships))[5][0, 0])

    ours = figures(pairs, score_threshold=0.25)

    assert ours["ships"] == ships
    # Ultralytics takes the area at 101 recalls, ours at every one.
    assert ours["ap_30"] == pytest.approx(ap[0], abs=0.005)
    assert ours["ap_50"] == pytest.approx(ap[1], abs=0.005)
    assert ours["ap_50_95"] == pytest.approx(np.mean(ap[1:]), abs=0.005)
    assert 0.1 < ours["ap_50_95"] < ours["ap_50"] < ours["ap_30"] < 0.95


def frame(scene, corners: np.ndarray, scores: np.ndarray) -> gpd.GeoDataFrame:
    n = len(scores)
    columns = {
        name: np.full(n, 50.0)
        for name in ("length_m", "beam_m", "heading_deg", "ship_probability", "tanker_probability")
    }
    names = {"scene_id": scene.scene_id, "vessel_class": "tanker", "size_class": "small"}
    shapes = [shapely.Polygon(scene.to_lonlat(box)) for box in corners]
    return gpd.GeoDataFrame({**columns, **{k: [v] * n for k, v in names.items()}, "score": scores}, geometry=shapes)
