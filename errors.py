"""Errors meant for the person at the keyboard."""


class BerthwatchError(Exception):
    """Something the user can put right.

    The message is one line: what was wrong, where (file, field, value), and what to do about it. The command
    line prints it without a traceback and exits with 1.
    """


def fault_told(error: Exception) -> str:
    """A fault of the program itself in one line, and how to see where it lies."""
    return " ".join(f"{type(error).__name__}: {error}".split()) + " (traceback: berthwatch --debug …)"
