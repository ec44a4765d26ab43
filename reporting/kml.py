"""KML for Google Earth: a folder a layer, each feature with its time and its attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from .tables import json_value, text_cells

_NAMESPACE = "http://www.opengis.net/kml/2.2"
# Line colour, line width, fill colour; KML writes colours as alpha, blue, green, red.
_STYLES = {
    "footprints": ("ff9a9a9a", 1.0, "00000000"),
    "unobserved": ("00000000", 0.0, "66808080"),
    "berths": ("ffe6e65e", 2.0, "00000000"),
    "visits": ("ff0047b3", 2.0, "400047b3"),
    "detections": ("ff00b0ff", 2.0, "1a00b0ff"),
}
# Characters that XML 1.0 cannot hold at all, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_kml(path: Path, layers: Mapping[str, gpd.GeoDataFrame], title: str) -> None:
    """Write layers (EPSG:4326) as KML 2.2. Layers without a style here are left out: observations repeat visits."""
    ET.register_namespace("", _NAMESPACE)
    root = ET.Element(f"{{{_NAMESPACE}}}kml")
    document = _child(root, "Document")
    _child(document, "name", title)
    for name in _STYLES:
        if name in layers:
            _add_style(document, name)
    for name in _STYLES:
        if name in layers:
            _add_folder(document, name, layers[name])
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _child(parent: ET.Element, tag: str, text: object = None) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_NAMESPACE}}}{tag}")
    if text is not None:
        element.text = _NOT_XML.sub("\ufffd", str(text))
    return element


def _add_style(document: ET.Element, name: str) -> None:
    line_colour, width, fill_colour = _STYLES[name]
    style = _child(document, "Style")
    style.set("id", name)
    line = _child(style, "LineStyle")
    _child(line, "color", line_colour)
    _child(line, "width", width)
    fill = _child(style, "PolyStyle")
    _child(fill, "color", fill_colour)


def _add_folder(document: ET.Element, name: str, layer: gpd.GeoDataFrame) -> None:
    folder = _child(document, "Folder")
    _child(folder, "name", name)
    if name in ("footprints", "unobserved"):
        _child(folder, "visibility", 0)
    attributes = text_cells(pd.DataFrame(layer.drop(columns="geometry"))).to_dict("records")
    for row, geometry in zip(attributes, layer.geometry, strict=True):
        placemark = _child(folder, "Placemark")
        _child(placemark, "name", row.get("name") or row.get("visit_id") or row.get("detection_id") or row["scene_id"])
        _add_time(placemark, row)
        _child(placemark, "styleUrl", f"#{name}")
        _add_attributes(placemark, row)
        _add_geometry(placemark, geometry)


def _add_time(placemark: ET.Element, row: Mapping[Any, Any]) -> None:
    """A moment for what a picture shows; for a visit the span within which it took place, open where unknown."""
    if pd.notna(row.get("acquired_at")):
        _child(_child(placemark, "TimeStamp"), "when", json_value(row["acquired_at"]))
    if "first_seen" in row:
        span = _child(placemark, "TimeSpan")
        for tag, name in (("begin", "arrival_earliest"), ("end", "departure_latest")):
            if pd.notna(row[name]):
                _child(span, tag, json_value(row[name]))


def _add_attributes(placemark: ET.Element, row: Mapping[Any, Any]) -> None:
    data = _child(placemark, "ExtendedData")
    for name, value in row.items():
        plain = json_value(value)
        if plain is not None and not pd.isna(plain):
            item = _child(data, "Data")
            item.set("name", str(name))
            _child(item, "value", plain)


def _add_geometry(placemark: ET.Element, geometry: BaseGeometry) -> None:
    polygons = list(_polygons(geometry))
    parent = placemark if len(polygons) == 1 else _child(placemark, "MultiGeometry")
    for polygon in polygons:
        element = _child(parent, "Polygon")
        _add_ring(_child(element, "outerBoundaryIs"), polygon.exterior)
        for hole in polygon.interiors:
            _add_ring(_child(element, "innerBoundaryIs"), hole)


def _polygons(geometry: BaseGeometry) -> Iterator[shapely.Polygon]:
    """Polygons wound as KML wants them: outside anticlockwise, holes clockwise."""
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon" and not part.is_empty:
            yield shapely.geometry.polygon.orient(part)


def _add_ring(boundary: ET.Element, ring: shapely.LinearRing) -> None:
    text = " ".join(f"{lon:.7f},{lat:.7f},0" for lon, lat, *_ in ring.coords)
    _child(_child(boundary, "LinearRing"), "coordinates", text)
