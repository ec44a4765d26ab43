"""Reading label files as text."""

from pathlib import Path

from .record import LabelError


def read_text(path: Path) -> str:
    """A UTF-8 text file, with or without a byte order mark.

    Raises:
        LabelError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise LabelError("not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise LabelError(f"cannot be read ({error.strerror or error})") from None
