"""How large each part of the benchmark is: as the published table has it, and so small that a test can run it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sides of square scenes in pixels, and counts.

    Attributes:
        limit_px, limit_repeats: the scene of part "limit", and how often both sides of its ratio are run.
        peers_px, peers_rows, peers_batches, peers_repeats: the scene of part "peers", its rows of moored tankers, the
            batch sizes that SAHI and Ultralytics are given, and how often each way is run.
        growth_px: the scenes of part "growth".
        decode_px, decode_repeats, decode_jp2_px: the pictures of part "decode", and how often each is read.
        merge_boxes: boxes of part "merge", and merge_oracle_boxes of its check against brute force.
        moored_angles, moored_phases: of part "moored".
        sentinel_px: the side of the Sentinel-2 tile.
        gpu_px: the scene of part "gpu".
    """

    limit_px: int
    limit_repeats: int
    peers_px: int
    peers_rows: int
    peers_batches: tuple[int, ...]
    peers_repeats: int
    growth_px: tuple[int, ...]
    decode_px: int
    decode_repeats: int
    decode_jp2_px: int
    merge_boxes: tuple[int, ...]
    merge_oracle_boxes: int
    moored_angles: int
    moored_phases: int
    sentinel_px: int
    gpu_px: int


FULL = Sizes(
    limit_px=10_000,
    limit_repeats=3,
    peers_px=4787,
    peers_rows=12,
    peers_batches=(1, 4, 8),
    peers_repeats=2,
    growth_px=(5_000, 10_000, 20_000, 40_000),
    decode_px=10_000,
    decode_repeats=4,
    decode_jp2_px=5_000,
    merge_boxes=(1_000, 10_000, 100_000, 1_000_000),
    merge_oracle_boxes=400,
    moored_angles=36,
    moored_phases=64,
    sentinel_px=10_980,
    gpu_px=20_000,
)
TOY = Sizes(
    limit_px=900,
    limit_repeats=1,
    peers_px=900,
    peers_rows=1,
    peers_batches=(2,),
    peers_repeats=1,
    growth_px=(700, 1_300),
    decode_px=800,
    decode_repeats=1,
    decode_jp2_px=400,
    merge_boxes=(100, 1_000),
    merge_oracle_boxes=60,
    moored_angles=4,
    moored_phases=4,
    sentinel_px=1_600,
    gpu_px=1_300,
)
