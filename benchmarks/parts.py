"""What is measured, in the order in which it is: a module a part, each with TITLE, run() and rows()."""

from types import ModuleType

from . import decode, gpu, growth, limit, merging, moored, peers, sentinel

# Growth comes last: its largest scene takes as long as all else together.
PARTS: dict[str, ModuleType] = {
    "limit": limit,
    "peers": peers,
    "merging": merging,
    "moored": moored,
    "decode": decode,
    "sentinel": sentinel,
    "gpu": gpu,
    "growth": growth,
}
