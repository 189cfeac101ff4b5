"""From runs and a folder of fields to a submission; what the command line leaves out comes from the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from hpa.app.networks import network_of
from hpa.app.parts import Config, build
from hpa.app.train import show_progress, together
from hpa.core.errors import InputError
from hpa.inference.member import CropMember
from hpa.inference.model_predictor import ModelPredictor
from hpa.inference.pipeline import PipelineResult, write_submission
from hpa.inference.precision import choose_device, choose_precision
from hpa.interfaces import FieldPredictor
from hpa.models.saved_run import SavedRun, read_saved_run

EXIT_NOTHING_USABLE = 1
EXIT_SOME_FAILED = 3


def infer(config: Config) -> int:
    """Write a submission and return the exit code: 0 all well, 3 some images failed, 1 all of them."""
    paths = config["ckpt"] if isinstance(config["ckpt"], list) else [config["ckpt"]]
    runs = [read_saved_run(path) for path in paths]
    _require_alike(runs)
    trained = runs[0].config
    segmenter = build(config.get("segmenter") or trained["segmenter"])
    channels: tuple[str, ...] = ()
    for wanted in [*(run.channels for run in runs), segmenter.channels]:
        channels = together(channels, wanted)
    source = build(config.get("data") or trained["data"], channels=channels)
    result = write_submission(
        source,
        source.table(config["split"]),
        config["split"],
        segmenter,
        build(config["ensemble"], members=[_member(run, config) for run in runs]),
        build(config["fusion"]),
        [build(rule) for rule in config.get("rules", {}).values()],
        Path(config["out"]),
        config["fields_at_once"],
        config["workers"],
        show_progress("fields"),
    )
    return _tell(result, Path(config["out"]))


def _member(run: SavedRun, config: Config) -> FieldPredictor:
    device = choose_device(config["device"])
    predictor = ModelPredictor(network_of(run), device, choose_precision(config["precision"], device))
    crop = run.config["crop"]
    return CropMember(
        predictor=build(config["tta"], predictor=predictor),
        channels=run.channels,
        side_px=crop["side_px"],
        masked=crop["masked"],
        margin=crop["margin"],
        batch_cells=config["batch_cells"],
        workers=config["workers"],
    )


def _require_alike(runs: list[SavedRun]) -> None:
    for run in runs[1:]:
        if run.class_names != runs[0].class_names:
            raise InputError(f"{run.path} names other classes than {runs[0].path}; members must share their classes.")


def _tell(result: PipelineResult, out: Path) -> int:
    seconds: dict[str, Any] = {stage: round(value, 2) for stage, value in result.seconds.items()}
    tqdm.write(f"submission  {out}  ({result.image_count} images, {result.cell_count} cells; seconds {seconds})")
    if not result.failed:
        return 0
    tqdm.write(f"{len(result.failed)} of {result.image_count} images failed; their rows are blank, the reasons above.")
    return EXIT_NOTHING_USABLE if result.all_failed else EXIT_SOME_FAILED
