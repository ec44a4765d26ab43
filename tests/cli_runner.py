"""Running the command line in this process, as a user would from a shell."""

from dataclasses import dataclass

import pytest

from berthwatch.cli import main


@dataclass(frozen=True)
class Result:
    """Exit code and what was written."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        """Lines of standard error but for the one that names model and backend."""
        return [line for line in self.err.splitlines() if line.strip() and "ONNX Runtime" not in line]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Result:
    """`berthwatch ARGUMENTS`; a traceback fails the test, since it would come out as the exception itself."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Result(int(exit.value.code or 0), captured.out, captured.err)
