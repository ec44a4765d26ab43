"""Reading a YAML file into a pydantic model, with errors that name the file, the field, the value and the way out."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import BerthwatchError

ModelT = TypeVar("ModelT", bound=BaseModel)


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, of which YAML readers else keep the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_yaml(path: str | Path, model: type[ModelT]) -> ModelT:
    """Read and validate a YAML file.

    Args:
        path: the file, UTF-8.
        model: pydantic model class that its content must fit.

    Raises:
        BerthwatchError: the file cannot be read, is not YAML, or does not fit; one line for the first fault, and how
            many more there are.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except OSError as error:
        raise BerthwatchError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise BerthwatchError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise BerthwatchError(f"{path}: {_yaml_fault(error)}") from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        keys = ", ".join(name for name, field in model.model_fields.items() if field.is_required())
        raise BerthwatchError(f"{path}: expected a mapping with the keys {keys}, found {found}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [f for f in error.errors() if not _follows_from_another(f, error.errors())]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise BerthwatchError(f"{path}: {_describe(faults[0], model)}{more}") from error


def _yaml_fault(error: yaml.YAMLError) -> str:
    """Line, column and problem of a YAML error, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


def _follows_from_another(fault: ErrorDetails, faults: list[ErrorDetails]) -> bool:
    """A list counts as too short when its elements are at fault: the elements say what is wrong."""
    depth = len(fault["loc"])
    return any(len(other["loc"]) > depth and other["loc"][:depth] == fault["loc"] for other in faults)


def _describe(fault: ErrorDetails, model: type[BaseModel]) -> str:
    """One pydantic error in the words of the person who wrote the file."""
    where = _field_path(fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _known_keys(model, fault["loc"][:-1])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
        return f"{where}unknown key; {hint}"
    if fault["type"] == "missing":
        return f"{where}missing; add it"
    message = fault["msg"].removeprefix("Value error, ")
    value = repr(fault["input"])
    shown = value if len(value) <= 60 else value[:57] + "..."
    # A fault of the whole mapping (a rule between fields) names the values itself.
    return f"{where}{message}" if isinstance(fault["input"], dict) else f"{where}{message}, got {shown}"


def _field_path(location: tuple[str | int, ...]) -> str:
    """('berths', 0, 'kind') -> "berths[0].kind: "; "" for the file as a whole."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return f"{text}: " if text else ""


def _known_keys(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Keys that the (nested) model at a location accepts."""
    current: type[BaseModel] | None = model
    for part in location:
        if current is None or not isinstance(part, str) or part not in current.model_fields:
            continue  # a list index or a free key of a mapping: the element's model was found with its field
        current = _model_within(current.model_fields[part].annotation)
    return sorted(current.model_fields) if current is not None else []


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model inside an annotation such as tuple[Berth, ...] or dict[str, Product]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_within(part)
        if found is not None:
            return found
    return None
