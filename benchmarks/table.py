"""Rows of the published table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, the figure, what it should be ("" where nothing is demanded), and whether it is."""

    what: str
    figure: str
    aim: str = ""
    met: bool | None = None


def markdown(parts: Sequence[tuple[str, Sequence[Row]]], *, date: str, machine: dict[str, object]) -> str:
    """A table a part, under a line that says when and on what."""
    versions = machine["versions"]
    assert isinstance(versions, dict)
    on = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, NVIDIA GPUs: {machine['nvidia_gpus']}"
    lines = [f"Measured {date} on {on}; {', '.join(f'{name} {version}' for name, version in versions.items())}.", ""]
    lines += ["| | measured | wanted | |", "|---|---|---|---|"]
    for title, rows in parts:
        lines.append(f"| **{title}** | | | |")
        for row in rows:
            met = {None: "", True: "yes", False: "no"}[row.met]
            lines.append(f"| {row.what} | {row.figure} | {row.aim} | {met} |")
    return "\n".join(lines) + "\n"


def seconds(value: float) -> str:
    """ "0.032 s", "4.2 s", "283 s"."""
    return (
        f"{value:.3f} s"
        if value < 0.1
        else f"{value:.2f} s"
        if value < 2
        else f"{value:.1f} s"
        if value < 100
        else f"{value:.0f} s"
    )
