"""The commands about detection models; `cli` hangs them beside its own."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from .console import out
from .console_table import show_table
from .errors import BerthwatchError

app = typer.Typer(help="The detection models: list, info, export.", no_args_is_help=True)


@app.command("list")
def models_list() -> None:
    """List the models that come with berthwatch."""
    from rich.table import Table

    from .models.registry import shipped_models

    table = Table("name", "model", "classes", "works at, m")
    for name, card in shipped_models().items():
        gsd = f"{card.min_working_gsd_m:g} to {card.max_working_gsd_m:g}"
        table.add_row(name, card.model_id, ", ".join(card.classes), gsd)
    show_table(table, out)


@app.command("info")
def models_info(
    model: Annotated[str, typer.Argument(help="A shipped model, or a model file.")] = "berthwatch-n",
) -> None:
    """Print a model's card as JSON: classes, GSD range, thresholds, errors, training data, licence, hash."""
    from .models.registry import load_detector, shipped_models

    card = shipped_models().get(model) or load_detector(model, device="cpu").metadata
    out.print_json(card.model_dump_json())


@app.command("export")
def models_export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Ultralytics OBB checkpoint (.pt).")],
    card: Annotated[
        Path, typer.Option(help="The model's card, YAML or JSON, with the fields of `berthwatch models info`.")
    ],
    scene: Annotated[str, typer.Option(help="A scene with ships, to check the exported files against the checkpoint.")],
    folder: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where to write both files.")],
    name: Annotated[str, typer.Option(help="Stem of the files.")] = "model",
    int8: Annotated[
        Path | None,
        typer.Option(
            metavar="CHIPS",
            help="Write NAME-int8.onnx too, quantised on these chips, if it loses less than a point of AP50 on them.",
        ),
    ] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load CHECKPOINT although that runs its code.")
    ] = False,
) -> None:
    """Turn a trained checkpoint into NAME.onnx and NAME.safetensors, checked against it on a scene (extra train)."""
    from .configs.yaml_file import load_yaml
    from .imagery.radiometry import estimate_stretch
    from .imagery.scene import open_scene
    from .imagery.tiles import read_tiles
    from .inference.detect import DetectSettings, plan_grid
    from .models.metadata import ModelMetadata
    from .training.environment import require_training_packages

    if not trust_pickle:
        raise BerthwatchError(
            f"{checkpoint}: a .pt file can run any code when loaded; if you trust it, add --trust-pickle"
        )
    require_training_packages()
    from .models.export import export_checkpoint

    metadata = load_yaml(card, ModelMetadata)
    pictured = open_scene(scene)
    grid = plan_grid(pictured, metadata, DetectSettings())
    _, tiles = next(read_tiles(grid, estimate_stretch(pictured), batch_size=16), ([], None))
    if tiles is None:
        raise BerthwatchError(f"{scene}: holds no valid pixel to check the export on; give a scene with ships")
    done = export_checkpoint(checkpoint, folder, metadata, tiles, name=name)
    for path, parity in ((done.onnx, done.onnx_parity), (done.safetensors, done.safetensors_parity)):
        told = f"within {parity.shift_px:.2f} px and {parity.score_change:.4f} score of the checkpoint"
        out.print(f"{escape(str(path))}: {told}, {parity.anchors} anchors", soft_wrap=True)
    if int8:
        from .training.int8 import export_int8

        small = export_int8(done.onnx, int8, folder / f"{name}-int8.onnx")
        told = f"AP50 {small.ap50:.3f} on the chips, {small.ap50_before:.3f} in 32-bit floats"
        out.print(f"{escape(str(small.onnx))}: {told}", soft_wrap=True)
