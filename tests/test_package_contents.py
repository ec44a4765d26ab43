"""What is shipped: every folder, the data files, and a wheel that works away from the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
NOT_PACKAGES = {"tests", "docs", "benchmarks", "build", "dist"}


def package_folders(checkout: Path = CHECKOUT) -> set[str]:
    """Dotted names of the checkout's folders that hold Python modules; virtual environments are none of them."""
    tops = [path for path in checkout.iterdir() if path.is_dir() and path.name not in NOT_PACKAGES]
    ours = [top for top in tops if not top.name.startswith(".") and not (top / "pyvenv.cfg").exists()]
    folders = {module.parent.relative_to(checkout).parts for top in ours for module in top.rglob("*.py")}
    return {"berthwatch", *(".".join(("berthwatch", *folder)) for folder in folders)}


def test_every_package_folder_is_in_the_packages_list() -> None:
    assert package_folders() == set(PYPROJECT["tool"]["setuptools"]["packages"])


def test_an_environment_in_the_checkout_is_no_package(tmp_path: Path) -> None:
    for module in ("imagery/scene.py", "my-env/lib/python3/site-packages/numpy/core.py"):
        (tmp_path / module).parent.mkdir(parents=True)
        (tmp_path / module).touch()
    (tmp_path / "my-env" / "pyvenv.cfg").touch()

    assert package_folders(tmp_path) == {"berthwatch", "berthwatch.imagery"}


def test_every_package_folder_has_an_init() -> None:
    for name in PYPROJECT["tool"]["setuptools"]["packages"]:
        assert (CHECKOUT.joinpath(*name.split(".")[1:]) / "__init__.py").is_file(), name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(
        CHECKOUT,
        source,
        ignore=shutil.ignore_patterns(
            ".git", ".venv*", "berthwatch-env", "*.egg-info", "build", "dist", "tests", "berthwatch-demo", ".*_cache"
        ),
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source],
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the wheel unpacked, as installers lay it out; nothing of the checkout is in it."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_installed(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `berthwatch …` from the unpacked wheel, in a folder far from the checkout."""
    environment = os.environ | {"PYTHONPATH": str(installed), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "berthwatch", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_wheel_holds_data_files_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert "berthwatch/configs/ports/vostochny.yaml" in names
    assert "berthwatch/configs/cargo.yaml" in names
    assert "berthwatch/models/weights/berthwatch-n.onnx" in names
    assert any(name.startswith("berthwatch/reporting/templates/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "/tests/" in name or name.endswith(".pt")]


def test_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import berthwatch; print(berthwatch.__file__)"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(where.stdout.strip()).is_relative_to(installed)


def test_installed_wheel_answers_help(installed: Path, tmp_path: Path) -> None:
    result = run_installed(installed, "--help", cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    for command in ("demo", "detect", "watch", "report", "export", "models"):
        assert command in result.stdout


def test_installed_wheel_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    result = run_installed(installed, "demo", "--days", "8", "--out", "out", cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (CHECKOUT / "out").exists()


def test_version_is_the_same_everywhere(installed: Path, tmp_path: Path) -> None:
    citation = (CHECKOUT / "CITATION.cff").read_text()

    version = run_installed(installed, "--version", cwd=tmp_path).stdout.split()[-1]

    assert f"version: {version}\n" in citation
