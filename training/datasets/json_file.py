"""Reading label files that are JSON."""

import json
from pathlib import Path
from typing import Any

from .record import LabelError
from .text_file import read_text


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file whose content is one object.

    Raises:
        LabelError: it cannot be read, is not JSON, or is something else; the line is named.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise LabelError(f"line {error.lineno}: not JSON ({error.msg})") from None
    if not isinstance(content, dict):
        raise LabelError(f"expected one JSON object, found {type(content).__name__}")
    return content
