"""A port file says where berths are; a wrong one is told so by file, field and value."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from berthwatch.configs.port import load_port, shipped_ports
from berthwatch.errors import BerthwatchError

GOOD: dict[str, Any] = {
    "id": "here", "name": "Here", "country": "Nowhere", "aoi": [10.0, 50.0, 10.1, 50.1], "source": "a test",
    "berths": [{
        "id": "b1", "name": "one", "kind": "oil", "heading_deg": 90, "approximate": False, "source": "a test",
        "polygon": [[10.02, 50.02], [10.022, 50.02], [10.022, 50.0203], [10.02, 50.0203]],
    }],
}  # fmt: skip


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "port.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def changed(**fields: Any) -> dict[str, Any]:
    port = copy.deepcopy(GOOD)
    for key, value in fields.items():
        target = port["berths"][0] if key not in port else port
        target[key] = value
    return port


def test_a_good_file_loads(tmp_path):
    port = load_port(write(tmp_path, GOOD))

    assert port.oil_berths[0].geometry.area > 0
    assert port.cap is None


def test_shipped_ports_load_and_vostochny_is_marked_approximate():
    ports = {name: load_port(name) for name in shipped_ports()}

    assert {"vostochny", "long-beach"} <= set(ports)
    vostochny = ports["vostochny"]
    assert [b.kind for b in vostochny.berths] == ["oil"]
    assert vostochny.berths[0].approximate
    assert vostochny.cap == "un_dprk_refined"
    kinds = [b.kind for b in ports["long-beach"].berths]
    assert (len(kinds), kinds.count("oil")) == (16, 1)


SWAPPED = [[50.02, 10.02], [50.0203, 10.02], [50.0203, 10.0203], [50.02, 10.0203]]
SQUARE = [[10.03, 50.02], [10.032, 50.02], [10.032, 50.0203], [10.03, 50.0203]]
FIRST = GOOD["berths"][0]
WRONG = {
    "misspelt key": (changed(headin_deg=3), r"berths\[0\]\.headin_deg: unknown key; did you mean 'heading_deg'"),
    "unknown kind": (changed(kind="gas"), r"berths\[0\]\.kind: .*'oil'.*got 'gas'"),
    "swapped position": (changed(polygon=[[42.7, 133.0], [42.7, 133.1], [42.8, 133.1]]), "look swapped"),
    "swapped within the same range": (changed(polygon=SWAPPED), "lies outside the aoi"),
    "three numbers": (changed(polygon=[[10.0, 50.0, 3.0], [10.01, 50.0], [10.01, 50.01]]), "two numbers"),
    "crossing outline": (changed(polygon=[SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]), "crosses itself"),
    "heading against outline": (changed(heading_deg=10), "heading_deg is 10 but the polygon's long side runs 90"),
    "too long": (changed(polygon=[[10.01, 50.02], [10.09, 50.02], [10.09, 50.021], [10.01, 50.021]]), "5733 m long"),
    "aoi upside down": (changed(aoi=[10.1, 50.0, 10.0, 50.1]), r"yaml: aoi: .*min below max, got \[10.1, 50.0"),
    "aoi swapped": (changed(aoi=[42.7, 132.96, 42.785, 133.1]), r"aoi: .*these look swapped, got \[42.7"),
    "position not a number": (changed(polygon=[[float("nan"), 50.0], [10.01, 50.0], [10.01, 50.01]]), "got .nan"),
    "swapped, long and narrow": (
        changed(polygon=[[y, x] for x, y in GOOD["berths"][0]["polygon"]], aoi=[50.0, 10.0, 50.1, 10.1]),
        "or are longitude and latitude swapped",
    ),
    "no berths": (changed(berths=[]), "berths: .*at least 1"),
    "ship lengths upside down": (changed(ship_length_m=[130, 60]), "low before high"),
    "missing field": ({k: v for k, v in GOOD.items() if k != "country"}, "country: missing; add it"),
    "same id twice": ({**GOOD, "berths": [FIRST, {**FIRST, "polygon": SQUARE}]}, "two berths are called 'b1'"),
    "overlapping": ({**GOOD, "berths": [FIRST, {**FIRST, "id": "b2"}]}, "'b1' and 'b2' overlap"),
    "not a mapping": ("- a\n- b\n", r"must be lines of the form `key: value`; needed are the keys id, name"),
    "only text": ("a letter", "must be lines of the form `key: value`"),
    "empty": ("", "is empty; needed are the keys id"),
    "tabs": ("id: a\nberths:\n\t- id: b\n", "line 3, column 1: a tab stands here; indent with spaces"),
    "a colon too many": ("id: a\nname: Kozmino: oil\n", "line 2, column 14: this ': ' is one too many"),
    "a wrong indent": ("id: a\n  name: b\n", "line 2, column 7: this ': ' is one too many, or .* indented wrongly"),
    "a wrong indent in a list": ("berths:\n  - id: a\n   name: b\n", "line 3, .*otherwise than the lines above"),
    "an id with a space": (changed(id="My port"), "id: must be small letters, digits, .*, got 'My port'"),
    "a berth's id with a space": ({**GOOD, "berths": [{**FIRST, "id": "b 1"}]}, r"berths\[0\]\.id: must be letters"),
    "text for a number": (changed(heading_deg="north"), r"heading_deg: must be a number, got 'north'"),
    "text for a list": (changed(berths="one"), r"berths: must be a list: .*, got 'one'"),
    "two corners": (changed(polygon=SQUARE[:2]), r"polygon: needs at least 3"),
    "a number for text": (changed(name=3), "name: must be text, got 3"),
    "maybe": (changed(approximate="maybe"), "approximate: must be true or false"),
    "not YAML": ("id: [1,\n", "line 2"),
    "key twice": ("id: a\nid: b\n", "line 2, column 1: key 'id' is given twice"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_told_in_one_line(tmp_path, content, message):
    path = write(tmp_path, content)

    with pytest.raises(BerthwatchError, match=message) as caught:
        load_port(path)

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_all_faults_are_told_at_once_up_to_five(tmp_path):
    path = write(tmp_path, changed(id="A b", name=1, country=2, source=3, aoi=4, kind="gas", heading_deg="n"))

    with pytest.raises(BerthwatchError) as caught:
        load_port(path)

    for key in ("id: ", "name: ", "country: ", "aoi: ", "source: "):
        assert f" {key}" in str(caught.value)
    assert str(caught.value).endswith("(and 2 more)")


def test_kinds_and_shipped_names_may_be_capitalised(tmp_path):
    assert load_port(write(tmp_path, changed(kind="Oil"))).oil_berths
    assert load_port("Vostochny") == load_port("vostochny")


@pytest.mark.parametrize("name", ["scene.tif", "S2A.zip", "shot.PNG"])
def test_a_picture_in_the_ports_place_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"II*\0\xff\xfe")

    with pytest.raises(BerthwatchError, match=f"{name}: is a picture, not a port's YAML; PORT comes first"):
        load_port(tmp_path / name)
    with pytest.raises(BerthwatchError, match="is a folder, not a port's YAML; PORT comes first"):
        load_port(tmp_path)


def test_unknown_port_lists_the_shipped_ones():
    with pytest.raises(BerthwatchError, match="long-beach, vostochny"):
        load_port("vostochni")
