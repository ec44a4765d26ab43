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
    "not a mapping": ("- a\n- b\n", "expected a mapping"),
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


def test_unknown_port_lists_the_shipped_ones():
    with pytest.raises(BerthwatchError, match="long-beach, vostochny"):
        load_port("vostochni")
