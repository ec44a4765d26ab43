"""Labels on georeferenced scenes: polygons in a GeoPackage or GeoJSON, as one draws them in QGIS."""

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from ...errors import BerthwatchError
from ...imagery.scene import Scene
from .layout import Dataset
from .picture import is_georeferenced
from .record import LabelError, LabelledObject, LabelRecord, Problem
from .rectangles import as_rectangle

SUFFIXES = (".gpkg", ".geojson")


def read_scenes(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """A record a scene that has labels.

    Labels in a folder: a file a scene, of the scene's name. Labels in one file: the attribute `scene_id` names the
    scene, as in detections that berthwatch exported and a person corrected. Scenes overlap and ships move, so the
    place alone would not tell whose a label is.

    Raises:
        BerthwatchError: the folder holds no label files.
    """
    if dataset.labels.is_file():
        yield from _of_one_file(dataset)
        return
    paths = sorted(path for path in dataset.labels.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise BerthwatchError(f"dataset {dataset.config.name}: {dataset.labels} holds no .gpkg or .geojson files")
    for path in paths:
        try:
            table = _read_table(path, dataset)
        except LabelError as fault:
            yield Problem(path, "", str(fault))
            continue
        name = path.relative_to(dataset.labels).with_suffix("").as_posix()
        yield LabelRecord(name, path, lambda scene, p=path, t=table: _objects(p, t, scene, dataset))


def _of_one_file(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    path = dataset.labels
    try:
        table = _read_table(path, dataset)
        if "scene_id" not in table:
            raise LabelError("labels of several scenes need the attribute scene_id, the scene's file name")
    except LabelError as fault:
        yield Problem(path, "", str(fault))
        return
    for feature in table.index[table["scene_id"].isna()]:
        yield Problem(path, f"feature {feature}", "has no scene_id")
    for scene_id, mine in table.groupby("scene_id", sort=True):
        mine = gpd.GeoDataFrame(mine, geometry="geometry")
        yield LabelRecord(str(scene_id), path, lambda scene, t=mine: _objects(path, t, scene, dataset))


def _read_table(path: Path, dataset: Dataset) -> gpd.GeoDataFrame:
    """The features of a file in EPSG:4326, by feature number."""
    try:
        layers = [str(name) for name, geometry in pyogrio.list_layers(path) if geometry is not None]
        layer = dataset.config.layer or (layers[0] if len(layers) == 1 else None)
        if layer not in layers:
            asked = f"no layer {layer!r}" if layer else "several layers; name one under 'layer'"
            raise LabelError(f"{asked}; it has {', '.join(layers) or 'none'}")
        table = pyogrio.read_dataframe(path, layer=layer, fid_as_index=True)
    except (DataSourceError, DataLayerError, FeatureError) as error:
        raise LabelError(f"cannot be read ({error})") from None
    if table.crs is None:
        raise LabelError("has no CRS; set the layer's CRS")
    if dataset.config.class_field not in table:
        columns = ", ".join(str(column) for column in table.columns if column != "geometry")
        raise LabelError(f"features have no {dataset.config.class_field!r}; they have {columns}: set 'class_field'")
    return table.to_crs("EPSG:4326")


def _objects(path: Path, table: gpd.GeoDataFrame, scene: Scene, dataset: Dataset) -> Iterator[LabelledObject | Problem]:
    if not is_georeferenced(scene):
        raise LabelError(f"{scene.source} has no georeference; labels on a map need one")
    difficult = table["difficult"] if "difficult" in table else pd.Series(False, index=table.index)
    columns = (table.index, table.geometry, table[dataset.config.class_field], difficult)
    for feature, shape, class_name, unclear in zip(*columns, strict=True):
        where = f"feature {feature}"
        try:
            if pd.isna(class_name) or not str(class_name).strip():
                raise LabelError(f"has no {dataset.config.class_field}")
            corners = _corners(shape, scene)
            yield LabelledObject(str(class_name).strip(), corners, where, _is_true(unclear))
        except LabelError as fault:
            yield Problem(path, where, str(fault))


def _corners(shape: shapely.Geometry | None, scene: Scene) -> NDArray[np.float64]:
    """A drawn outline as a box (4, 2) in scene pixels; it is fitted in metres, as pixels need not be square."""
    if shape is None or not shapely.get_num_coordinates(shape):
        raise LabelError("has no geometry")
    if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon):
        raise LabelError(f"is a {type(shape).__name__}; draw the ship's outline or box as a polygon")
    lonlat = shapely.get_coordinates(shape)
    if isinstance(shape, shapely.Polygon) and len(lonlat) > 3:
        lonlat = lonlat[:-1]
    metres_a_pixel = np.array([scene.gsd_x_m, scene.gsd_y_m])
    return as_rectangle(scene.from_lonlat(lonlat) * metres_a_pixel) / metres_a_pixel


def _is_true(value: object) -> bool:
    return str(value).strip().lower() in ("1", "1.0", "true", "yes")
