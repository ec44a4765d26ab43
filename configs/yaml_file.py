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


_MOST_FAULTS_TOLD = 5
_AS_KEYS = "must be lines of the form `key: value`"
# What YAML's and pydantic's words mean to who wrote the file.
_YAML_PROBLEMS = {
    "'\\t'": "a tab stands here; indent with spaces",
    "mapping values are not allowed": "this ': ' is one too many, or the line is indented wrongly",
    "<block": "is indented otherwise than the lines above",
    "could not find expected ':'": "a key without ': ' after it",
}
_KINDS = {
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), "must be a list: [a, b], or lines that begin with '- '"),
    **dict.fromkeys(("dict_type", "model_type"), _AS_KEYS),
}
_PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]*$": "must be small letters, digits, '_' and '-', a letter or digit first",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": "must be letters, digits, '.', '_' and '-', a letter or digit first",
    r"^(cpu|cuda|\d+(,\d+)*)$": "must be cpu, cuda, or numbers of GPUs such as 0,1",
    "^([0-9a-f]{64})?$": "must be 64 hexadecimal digits",
}


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
        BerthwatchError: the file cannot be read, is not YAML, or does not fit; one line that lists the first faults.
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
        keys = ", ".join(name for name, field in model.model_fields.items() if field.is_required())
        raise BerthwatchError(f"{path}: {'is empty' if content is None else _AS_KEYS}; needed are the keys {keys}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [f for f in error.errors() if not _follows_from_another(f, error.errors())]
        told = "; ".join(_describe(fault, model) for fault in faults[:_MOST_FAULTS_TOLD])
        more = f" (and {len(faults) - _MOST_FAULTS_TOLD} more)" if len(faults) > _MOST_FAULTS_TOLD else ""
        raise BerthwatchError(f"{path}: {told}{more}") from error


def _yaml_fault(error: yaml.YAMLError) -> str:
    """Line, column and problem of a YAML error, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark, problem = error.problem_mark, str(error.problem)
        plain = next((words for part, words in _YAML_PROBLEMS.items() if part in problem), problem)
        return f"line {mark.line + 1}, column {mark.column + 1}: {plain}"
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
    message = _plain(fault)
    value = repr(fault["input"])
    shown = value if len(value) <= 60 else value[:57] + "..."
    # A fault of the whole mapping (a rule between fields) names the values itself.
    return f"{where}{message}" if isinstance(fault["input"], dict) else f"{where}{message}, got {shown}"


def _plain(fault: ErrorDetails) -> str:
    """What must stand there; a rule of our own says it itself."""
    limits = fault.get("ctx", {})
    if fault["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(limits["pattern"]), f"must look like {limits['pattern']}")
    if fault["type"] == "too_short":
        return f"needs at least {limits['min_length']}"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return _KINDS.get(fault["type"], message)


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
