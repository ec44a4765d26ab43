"""Which checkpoints this user's own runs wrote: those alone are unpickled without being asked to.

A hash beside the file would prove nothing, as whoever hands on a run folder writes both. So the hash is sealed (HMAC
SHA-256) with a key that never leaves the user's state folder, and the seal stands beside the checkpoint: a run folder
may be moved, and one that came from elsewhere is not believed. Imports neither torch nor Ultralytics.
"""

import hashlib
import hmac
import logging
import os
import secrets
from pathlib import Path

log = logging.getLogger(__name__)

KEY_BYTES = 32


def seal(checkpoint: Path, *, as_file: Path | None = None) -> None:
    """Note that this user's run wrote `checkpoint`.

    Args:
        checkpoint: the file as it is now.
        as_file: the name under which it will stand. Sealed before it is renamed, so that no kill comes between; the
            seal of the file that it replaces stays good until then.
    """
    key = _key(create=True)
    if key is None:
        log.warning("%s: cannot be sealed; going on from it will need --trust-pickle", checkpoint)
        return
    target = _seal_path(as_file or checkpoint)
    lines = [_seal(checkpoint, key), *_lines(target)[:1]]
    partial = target.with_name(f"{target.name}.part")
    partial.write_text("\n".join(lines) + "\n", encoding="ascii")
    partial.replace(target)


def is_own(checkpoint: Path) -> bool:
    """Whether a run of this user wrote the file as it is now."""
    key = _key(create=False)
    if key is None:
        return False
    wanted = _seal(checkpoint, key)
    return any(hmac.compare_digest(wanted, line) for line in _lines(_seal_path(checkpoint)))


def _seal(checkpoint: Path, key: bytes) -> str:
    with checkpoint.open("rb") as file:
        return hmac.new(key, hashlib.file_digest(file, "sha256").digest(), "sha256").hexdigest()


def _seal_path(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.seal")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def _key(*, create: bool) -> bytes | None:
    """The user's key, made on first use; None where it cannot be had."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        path = Path(state) / "berthwatch" / "checkpoint-key"
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    except (OSError, RuntimeError):  # no home folder is a RuntimeError
        return None
    return key if len(key) == KEY_BYTES else None
