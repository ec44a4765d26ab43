# make demo   simulate six weeks at a port, run the whole chain on the CPU, print where the report is
# make test   full install, lint, type check, tests
# make bench  measure speed, memory and merging, against SAHI and Ultralytics too; twenty minutes on an idle machine
#
# Needs Python 3.11 or newer and make. Each has a virtual environment of its own; a second run installs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DELETE_ON_ERROR:
.PHONY: help demo test bench lint format clean

# Ultralytics must not install packages, call home, or write to the home directory while tests run.
export YOLO_AUTOINSTALL := false
export YOLO_OFFLINE := true
export YOLO_CONFIG_DIR := $(CURDIR)/.venv/ultralytics

help:
	sed -n '1,3s/^# //p' Makefile

demo: .venv-demo/.installed
	.venv-demo/bin/berthwatch demo --out berthwatch-demo

test: lint
	.venv/bin/python -m pytest --numprocesses 2 --dist loadfile

bench: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/basedpyright

format: .venv/.installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv .venv-demo .venv-bench build dist *.egg-info berthwatch-demo .pytest_cache .ruff_cache .hypothesis

# The demo's environment holds the core alone: no torch, no ultralytics, no OpenCV.
.venv-demo/.installed: pyproject.toml
	$(call create_venv,.venv-demo)
	$(call install,.venv-demo,.)
	touch $@

.venv/.installed: pyproject.toml
	$(call create_venv,.venv)
	$(call install,.venv,.[train$(,)dev])
	$(call without_libgl,.venv)
	mkdir -p $(YOLO_CONFIG_DIR)
	.venv/bin/python -c 'import cv2, ultralytics'
	touch $@

.venv-bench/.installed: pyproject.toml
	$(call create_venv,.venv-bench)
	$(call install,.venv-bench,.[bench])
	$(call without_libgl,.venv-bench)
	mkdir -p $(YOLO_CONFIG_DIR)
	.venv-bench/bin/python -c 'import cv2, sahi, ultralytics'
	touch $@

, := ,

# $(call create_venv,folder): with the first Python that is new enough; Debian's may lack ensurepip, then uv makes it.
define create_venv
python=
for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do
    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi
done
if [ -z "$$python" ]; then
    echo "make: berthwatch needs Python 3.11 or newer, and none was found: apt-get install python3 python3-venv" >&2
    exit 1
fi
rm -rf $(1)
if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$$python" -m venv $(1)
elif command -v uv >/dev/null; then
    uv venv --quiet --seed --python "$$python" $(1)
else
    echo "make: $$python cannot make virtual environments: apt-get install $$(basename "$$python")-venv" >&2
    exit 1
fi
endef

# $(call install,folder,requirement): with uv where it can be had (seconds), else with pip (minutes).
define install
if $(1)/bin/python -m pip install --quiet --disable-pip-version-check uv; then
    $(1)/bin/uv pip install --python $(1)/bin/python --editable '$(2)'
else
    $(1)/bin/python -m pip install --editable '$(2)'
fi
endef

# $(call without_libgl,folder): a uv override (pyproject.toml) leaves opencv-python out. pip knows no overrides, and
# opencv-python's cv2 needs libGL, so where pip did the install the headless build is put back in its place.
define without_libgl
if $(1)/bin/python -m pip show --quiet opencv-python 2>/dev/null; then
    $(1)/bin/python -m pip uninstall --quiet --yes opencv-python
    $(1)/bin/python -m pip install --quiet --force-reinstall --no-deps opencv-python-headless
fi
endef
