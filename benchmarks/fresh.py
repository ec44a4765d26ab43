"""Work in a process of its own: its peak memory is its own, and no warm cache of another part helps it.

`python -m benchmarks.fresh MODULE FUNCTION` reads the keyword arguments as JSON from standard input and writes what
the function returns, its time and the process's peak memory as JSON to standard output.
"""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parent.parent


def in_fresh_process(module: str, function: str, **arguments: object) -> dict[str, Any]:
    """Run benchmarks.`module`.`function`(**arguments), all JSON values, and wait.

    Returns:
        What it returned, a dict, with "peak_rss_mb" added.

    Raises:
        RuntimeError: it failed; with the end of what it wrote.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fresh", module, function],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
    )
    if done.returncode:
        raise RuntimeError(f"benchmarks.{module}.{function} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_rss_mb() -> float:
    """Peak resident memory of this process alone; getrusage would count that of the process that started it too."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # macOS
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _main() -> None:
    module, function = sys.argv[1:]
    work = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    start = time.perf_counter()
    result = work(**json.loads(sys.stdin.read()))
    facts = {"process_s": time.perf_counter() - start, "peak_rss_mb": peak_rss_mb()}
    sys.stdout.write("\n" + json.dumps(facts | result) + "\n")


if __name__ == "__main__":
    _main()
