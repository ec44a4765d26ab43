"""Exports: what other programs read is what the store and the estimate hold."""

import json
import sqlite3
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from reporting_cases import HARBOUR, START, build, detection_row, make_record, offset

from berthwatch.errors import BerthwatchError
from berthwatch.inference.detections import COLUMNS, detections_frame, empty_detections
from berthwatch.inference.store import write_scene
from berthwatch.reporting.export import FORMATS, export_estimate, export_store

KML = "{http://www.opengis.net/kml/2.2}"
LAYERS = ["footprints", "unobserved", "berths", "observations", "visits", "detections"]
HOSTILE = "<b>&\"'\x01,\n;--"


@cache
def six_calls():
    return build()


@pytest.fixture
def store(tmp_path, rng_seed=3):
    """A store of two scenes: one dated with two ships, one undated without ships."""
    import numpy as np

    rng = np.random.default_rng(rng_seed)
    dated, undated = make_record(1, START), make_record(2, None)
    rows = [detection_row(dated, i, offset(HARBOUR, 400 * i, 0), 90 + 40 * i, 15, 30, rng) for i in range(2)]
    write_scene(tmp_path / "store", dated, detections_frame({name: [row[name] for row in rows] for name in COLUMNS}))
    write_scene(tmp_path / "store", undated, empty_detections())
    return tmp_path / "store"


def test_a_geopackage_holds_every_layer_and_table_in_wgs84(tmp_path):
    out = export_estimate(six_calls(), tmp_path / "port.gpkg")

    layers = dict(pyogrio.list_layers(out))
    assert list(layers)[:6] == LAYERS
    assert {"loadings", "totals", "ledger", "ledger_years", "assumptions", "layer_styles"} <= set(layers)
    for name in LAYERS:
        assert pyogrio.read_info(out, layer=name)["crs"] == "EPSG:4326"
        assert pyogrio.read_info(out, layer=name)["geometry_type"] == "MultiPolygon"


def test_exports_say_what_told_the_time_of_a_scene(tmp_path):
    estimate = six_calls()
    told = replace(estimate.records[0], time_source="given by the user")
    estimate = replace(estimate, records=(told, *estimate.records[1:]))

    footprints = gpd.read_file(export_estimate(estimate, tmp_path / "port.gpkg"), layer="footprints")
    scenes = pd.read_csv(export_estimate(estimate, tmp_path / "tables", format="csv") / "scenes.csv")

    assert footprints.time_source[0] == scenes.time_source[0] == "given by the user"
    assert footprints.time_doubt.isna().all() or (footprints.time_doubt == "").all()


def test_a_geopackage_gives_back_what_was_written(tmp_path):
    estimate = six_calls()
    out = export_estimate(estimate, tmp_path / "port.gpkg")

    detections = gpd.read_file(out, layer="detections")
    visits = gpd.read_file(out, layer="visits").set_index("visit_id")
    loadings = estimate.loadings.set_index("visit_id")

    assert shapely.equals_exact(
        detections.geometry.map(lambda geometry: shapely.get_parts(geometry)[0]).to_numpy(),
        estimate.detections.geometry.to_numpy(),
        tolerance=1e-9,
    ).all()
    assert list(detections.length_m) == list(estimate.detections.length_m)
    assert list(pd.to_datetime(detections.acquired_at, utc=True).dt.floor("ms")) == list(
        estimate.detections.acquired_at.dt.floor("ms")
    )
    probabilities = detections.size_class_probabilities.map(json.loads)
    assert [list(p) for p in probabilities] == [list(p) for p in estimate.detections.size_class_probabilities]
    assert visits.barrels_p50.to_dict() == pytest.approx(loadings.barrels_p50.to_dict())
    assert json.loads(visits.detection_ids.iloc[0]) == estimate.visits.detection_ids.iloc[0]


def test_every_map_layer_has_a_default_qgis_style_that_uses_its_columns(tmp_path):
    out = export_estimate(six_calls(), tmp_path / "port.gpkg")

    with sqlite3.connect(out) as database:
        styles = database.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles "
            "WHERE f_table_schema = '' ORDER BY update_time"
        ).fetchall()
        (kind,) = database.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'").fetchone()

    assert kind == "attributes"
    assert sorted(name for name, *_ in styles) == sorted(LAYERS)
    for name, geometry_column, qml, is_default in styles:
        columns = set(pyogrio.read_info(out, layer=name)["fields"])
        root = ET.fromstring(qml)
        used = {root.find("renderer-v2").get("attr")} - {None}
        used |= (
            {root.find("temporal").get(key) for key in ("startField", "endField")}
            if root.find("temporal") is not None
            else set()
        )
        names = {word for text in used if text for word in ([text] if "(" not in text else [text.split('"')[1]])}
        assert (geometry_column, is_default) == ("geom", 1)
        assert names <= columns
        assert root.find(".//symbol/layer").get("class") == "SimpleFill"


@pytest.mark.parametrize("format", FORMATS)
def test_a_store_alone_is_exported_in_every_format(store, tmp_path, format):
    out = export_store(store, tmp_path / f"out.{format}" if format != "csv" else tmp_path / "tables", format=format)

    assert out.exists()
    if format == "gpkg":
        assert len(gpd.read_file(out, layer="detections")) == 2
        assert set(gpd.read_file(out, layer="footprints").scene_id) == {"20240307_021400_PS_01", "undated_02"}
    if format == "geojson":
        layers = [f["properties"]["layer"] for f in json.loads(out.read_text())["features"]]
        assert layers == ["footprints", "footprints", "detections", "detections"]
    if format == "kml":
        assert len(placemarks(out, "detections")) == 2
    if format == "csv":
        assert sorted(path.name for path in out.iterdir()) == ["detections.csv", "scenes.csv"]
        assert pd.read_csv(out / "scenes.csv").n_detections.tolist() == [2, 0]


@pytest.mark.parametrize("format", FORMATS)
def test_a_store_without_ships_is_a_valid_empty_export(tmp_path, format):
    write_scene(tmp_path / "store", make_record(1, START), empty_detections())

    out = export_store(tmp_path / "store", tmp_path / f"out_{format}.{format.replace('csv', '')}", format=format)

    if format == "gpkg":
        assert len(gpd.read_file(out, layer="detections")) == 0
        assert "length_m" in pyogrio.read_info(out, layer="detections")["fields"]
    if format == "csv":
        assert list(pd.read_csv(out / "detections.csv").columns) == [c for c in COLUMNS if c != "geometry"]
    if format == "kml":
        assert placemarks(out, "detections") == []
    if format == "geojson":
        assert [f["properties"]["layer"] for f in json.loads(out.read_text())["features"]] == ["footprints"]


def test_geojson_is_rfc_7946(tmp_path):
    estimate = six_calls()
    out = export_estimate(estimate, tmp_path / "port.geojson")

    collection = json.loads(out.read_text(encoding="utf-8"))

    assert "crs" not in collection
    for feature in collection["features"]:
        polygons = shapely.get_parts(shapely.from_geojson(json.dumps(feature["geometry"])))
        assert all(polygon.exterior.is_ccw for polygon in polygons)
        assert not any(hole.is_ccw for polygon in polygons for hole in polygon.interiors)
    visits = [f["properties"] for f in collection["features"] if f["properties"]["layer"] == "visits"]
    assert [v["visit_id"] for v in visits] == list(estimate.visits.visit_id)
    assert visits[0]["detection_ids"] == estimate.visits.detection_ids.iloc[0]
    assert visits[0]["arrival_earliest"] is None
    assert pd.Timestamp(visits[0]["first_seen"]) == estimate.visits.first_seen.iloc[0]
    read = gpd.read_file(out)
    assert len(read) == len(collection["features"])
    assert read.crs.to_epsg() == 4326


def test_geojson_keeps_both_parts_of_a_scene_across_180_degrees(tmp_path):
    parts = shapely.MultiPolygon([shapely.box(179.98, 9.9, 180, 10.1), shapely.box(-180, 9.9, -179.99, 10.1)])
    write_scene(tmp_path / "store", replace(make_record(1, START), footprint=parts, observed=parts), empty_detections())

    out = export_store(tmp_path / "store", tmp_path / "out.geojson")

    (feature,) = json.loads(out.read_text())["features"]
    written = shapely.from_geojson(json.dumps(feature["geometry"]))
    assert written.geom_type == "MultiPolygon"
    assert written.equals(parts)


def test_kml_carries_times_attributes_and_closed_rings(tmp_path):
    estimate = six_calls()
    out = export_estimate(estimate, tmp_path / "port.kml")

    visit = placemarks(out, "visits")[1]
    seen = estimate.visits.iloc[1]
    values = {d.get("name"): d.find(f"{KML}value").text for d in visit.iter(f"{KML}Data")}
    ship = placemarks(out, "detections")[0]
    ring = ship.find(f".//{KML}coordinates").text.split()

    assert visit.find(f"{KML}name").text == seen.visit_id
    assert pd.Timestamp(visit.find(f".//{KML}begin").text) == seen.arrival_earliest
    assert pd.Timestamp(visit.find(f".//{KML}end").text) == seen.departure_latest
    assert float(values["length_m"]) == seen.length_m
    assert pd.Timestamp(ship.find(f".//{KML}when").text) == estimate.detections.acquired_at.iloc[0]
    assert ring[0] == ring[-1]
    lon, lat, height = (float(number) for number in ring[0].split(","))
    assert (lon, lat) == pytest.approx(estimate.detections.geometry.iloc[0].exterior.coords[0], abs=0.002)
    assert height == 0
    assert len(ET.parse(out).findall(f".//{KML}Style")) == 5


def test_a_visit_whose_arrival_nobody_bounds_has_an_open_span(tmp_path):
    out = export_estimate(six_calls(), tmp_path / "port.kml")

    span = placemarks(out, "visits")[0].find(f"{KML}TimeSpan")

    assert span.find(f"{KML}begin") is None
    assert span.find(f"{KML}end") is not None


def test_csv_tables_read_back_equal(tmp_path):
    estimate = six_calls()
    out = export_estimate(estimate, tmp_path / "tables", format="csv")

    for name, table in (("totals", estimate.totals), ("ledger", estimate.ledger.by_date), ("visits", estimate.visits)):
        read = pd.read_csv(out / f"{name}.csv")
        assert list(read.columns) == list(table.columns)
        for column in table.select_dtypes("number"):
            assert read[column].to_numpy() == pytest.approx(table[column].to_numpy(), nan_ok=True, rel=1e-12)
        for column in table.select_dtypes("datetimetz"):
            assert list(pd.to_datetime(read[column], utc=True).dropna()) == list(table[column].dropna())
    observations = pd.read_csv(out / "observations.csv")
    assert observations.state.tolist() == estimate.observations.state.tolist()
    assert [json.loads(ids) for ids in observations.detection_ids] == estimate.observations.detection_ids.tolist()
    assert observations.acquired_at.iloc[0].endswith("Z")


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_names_stay_text(tmp_path, format):
    estimate = six_calls()
    berth = estimate.port.berths[0].model_copy(update={"name": HOSTILE, "note": HOSTILE})
    port = estimate.port.model_copy(update={"name": HOSTILE, "berths": (berth, *estimate.port.berths[1:])})
    visits = estimate.visits.assign(identified_as=HOSTILE)

    out = tmp_path / f"out_{format}.{format.replace('csv', '')}"
    export_estimate(replace(estimate, port=port, visits=visits), out, format=format)

    if format == "gpkg":
        assert gpd.read_file(out, layer="berths")["name"].iloc[0] == HOSTILE
    if format == "geojson":
        features = json.loads(out.read_text(encoding="utf-8"))["features"]
        assert HOSTILE in [f["properties"]["name"] for f in features if f["properties"]["layer"] == "berths"]
    if format == "kml":
        # XML has no way to hold the control character.
        assert placemarks(out, "berths")[0].find(f"{KML}name").text == HOSTILE.replace("\x01", "\ufffd")
    if format == "csv":
        assert pd.read_csv(out / "visits.csv").identified_as.iloc[0] == HOSTILE


def test_sources_are_exported_without_folders(store, tmp_path):
    out = export_store(store, tmp_path / "tables", format="csv")

    assert pd.read_csv(out / "scenes.csv").source.tolist() == ["scene_01.tif", "scene_02.tif"]


def test_an_export_replaces_the_file_before_it_and_leaves_no_partial_one(store, tmp_path):
    out = tmp_path / "port.gpkg"
    out.write_text("not a GeoPackage")

    export_store(store, out)
    export_store(store, out)

    assert [path.name for path in tmp_path.glob("*port*")] == ["port.gpkg"]
    assert len(gpd.read_file(out, layer="detections")) == 2


def test_what_cannot_be_exported_is_said_in_one_line(store, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")

    for out, format, message in [
        (
            tmp_path / "out.shp",
            None,
            "'shp' is no format to export to; .* --format: gpkg, geojson, kml, csv",
        ),
        (tmp_path / "out", None, "its name has no ending, which tells the format; give one with --format: gpkg"),
        (
            tmp_path / "out.csv",
            None,
            f"one for each table; .*: --format csv --out {tmp_path / 'out-tables'}$",
        ),
        (tmp_path / "taken", "csv", f"name a folder: --format csv --out {tmp_path / 'taken-tables'}$"),
        (tmp_path / "taken" / "out.gpkg", None, r"cannot write .*out\.gpkg"),
        (tmp_path / "taken" / "out.kml", None, r"cannot write .*out\.kml"),
    ]:
        with pytest.raises(BerthwatchError, match=message):
            export_store(store, out, format=format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "taken"]


def test_a_folder_that_cannot_be_written_is_told_without_the_libraries_words(store):
    folder = Path("/proc")
    if not folder.is_dir():
        pytest.skip("no /proc here, the one folder in which not even root may write")

    with pytest.raises(BerthwatchError, match=r"^cannot write /proc/out\.gpkg: [A-Z][a-z ]+$"):
        export_store(store, folder / "out.gpkg")


def placemarks(path, folder: str) -> list[ET.Element]:
    """The placemarks of a folder of a KML file."""
    for element in ET.parse(path).iter(f"{KML}Folder"):
        if element.find(f"{KML}name").text == folder:
            return element.findall(f"{KML}Placemark")
    raise AssertionError(f"no folder {folder}")
