"""Data flows through the rooms in one direction, and so do imports."""

import ast
from pathlib import Path

import pytest

import berthwatch

ROOT = Path(berthwatch.__file__).parent

ROOMS = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}

# What each room (or root module) may import of the others.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "configs": {"errors"},
    "imagery": {"errors", "configs"},
    "models": {"errors", "configs"},
    "training": {"errors", "configs", "imagery", "models"},
    "inference": {"errors", "configs", "imagery", "models"},
    "estimation": {"errors", "configs", "inference"},
    "reporting": {"errors", "configs", "imagery", "inference", "estimation"},
    "console_table": set(),
    "console": {"errors", "configs", "imagery", "models", "inference", "estimation", "console_table"},
    "console_estimation": {"errors", "estimation", "console", "console_table"},
    "scene_doubts": {"errors", "configs", "inference"},
    "watch": {"errors", "configs", "imagery", "models", "inference", "estimation", "reporting", "scene_doubts"},
    "demo_traffic": set(),
    "demo_scenes": {"configs", "imagery", "models", "demo_traffic"},
    "demo": {*ROOMS, "errors", "watch", "console", "console_table", "demo_traffic", "demo_scenes"} - {"training"},
    "evaluation": {"errors", "models", "training", "inference"},
    "evaluation_report": {"errors", "evaluation", "imagery", "training", "inference", "reporting"},
    "arguments": {"errors", "configs", "imagery", "estimation", "watch"},
    "cli": {
        *ROOMS,
        "errors",
        "watch",
        "demo",
        "arguments",
        "console",
        "cli_estimation",
        "cli_evaluation",
        "cli_models",
        "cli_training",
    }
    - {"training"},
    "cli_estimation": {
        "errors",
        "configs",
        "inference",
        "estimation",
        "watch",
        "arguments",
        "console",
        "console_estimation",
    },
    "cli_training": {"errors", "configs", "imagery", "models", "training", "arguments", "console", "console_table"},
    "cli_models": {"errors", "configs", "imagery", "models", "inference", "training", "console", "console_table"},
    "cli_evaluation": {"errors", "imagery", "models", "training", "reporting", "evaluation", "evaluation_report"}
    | {"arguments", "console"},
    "__main__": {"cli"},
    "__init__": set(),
}
MODULES = sorted(ROOT.glob("*.py")) + sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    """Names of the berthwatch rooms and root modules that a source file imports, at any depth of its code."""
    package = ["berthwatch", *path.relative_to(ROOT).parent.parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("berthwatch.")}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            if module[:1] == ["berthwatch"]:
                found |= {module[1]} if len(module) > 1 else {alias.name for alias in node.names}
    return {name for name in found if not name.startswith("__")}


def test_every_room_and_root_module_has_a_rule() -> None:
    assert ROOMS | {path.stem for path in ROOT.glob("*.py")} <= set(ALLOWED)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_in_the_allowed_direction(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")

    forbidden = imported_rooms(path) - ALLOWED[room] - {room}

    assert not forbidden, (
        f"{path.relative_to(ROOT)} imports {sorted(forbidden)}; {room} may import {sorted(ALLOWED[room])}"
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_inside_the_package_are_relative(path: Path) -> None:
    absolute = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "berthwatch")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "berthwatch" for alias in node.names))
    ]

    assert not absolute


def test_the_rule_itself_sees_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "imagery").mkdir()
    module = tmp_path / "imagery" / "sample.py"
    module.write_text(
        "import berthwatch.models.boxes\n"
        "from .. import reporting\n"
        "from ..inference.store import read_store\n"
        "def lazily() -> None:\n"
        "    from ..estimation import cargo\n"
        "from .scene import Scene\n"
    )

    assert imported_rooms(module) == {"models", "reporting", "inference", "estimation", "imagery"}
