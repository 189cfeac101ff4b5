"""From runs and a folder of fields to a submission; what the command line leaves out comes from the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hpa.app.cell_settings import require_of_cells
from hpa.app.deciding_settings import deciding_settings
from hpa.app.fallbacks import WARN, fallbacks_of, networks_of, steps_when_late
from hpa.app.held_out import joined, require_same_classes, taught
from hpa.app.pixel_infer import infer_tissue, is_of_pixels
from hpa.app.progress import show_progress
from hpa.app.sinks import sinks_of
from hpa.config import Config, build
from hpa.core.channels import union_of_channels
from hpa.inference.assembly import fallbacks_path
from hpa.inference.blocks import Cut, Shard
from hpa.inference.budget import Budget
from hpa.inference.pipeline import Output, Pipeline, PipelineResult
from hpa.inference.rules.channels import ReadsChannels
from hpa.inference.stages import Stages
from hpa.inference.stopwatch import Stopwatch
from hpa.models.saved_run import read_saved_run

EXIT_NOTHING_USABLE = 1
EXIT_SOME_BLANK = 3


def infer(config: Config) -> int:
    """Write a submission and return the exit code: 0 all well, 3 some rows are blank, 1 all images failed."""
    started_s = time.monotonic()
    budget = Budget(config["budget_hours"], config["budget_reserve_share"], stops=WARN not in steps_when_late(config))
    cut = Cut(config["block_images"], config["fields_at_once"], config["megapixels_at_once"])
    shard = None if config["shard"] is None else Shard.parse(str(config["shard"]))
    paths = config["ckpt"] if isinstance(config["ckpt"], list) else [config["ckpt"]]
    runs = [read_saved_run(path) for path in paths]
    if any(is_of_pixels(run) for run in runs):
        return infer_tissue(runs, config)
    require_of_cells(config)
    require_same_classes(runs)
    trained = runs[0].config
    segmenter = build(config.get("segmenter") or trained["segmenter"])
    rules = [build(rule) for rule in config.get("rules", {}).values()]
    channels: tuple[str, ...] = ()
    read_by_rules = [rule.channels for rule in rules if isinstance(rule, ReadsChannels)]
    for wanted in [*(run.channels for run in runs), segmenter.channels, *read_by_rules]:
        channels = union_of_channels(channels, wanted)
    source = build(config.get("data") or trained["data"], channels=channels)
    networks = networks_of(runs, config)
    fallbacks = fallbacks_of(runs, networks, config)
    ensemble: Any = fallbacks[0].predictor
    fusion = build(config["fusion"])
    learners = [ensemble, *rules, build(config["tta"], predictor=networks[0])]
    settings = deciding_settings(runs, config, source, segmenter, learners)
    rules = [taught(rule, lambda: [joined(runs, ensemble, fusion)]) for rule in rules]
    pipeline = Pipeline(
        Stages(source, config["split"], segmenter, fusion, rules, Stopwatch()),
        fallbacks,
        cut,
        config["workers"],
        budget,
        started_s,
    )
    output = Output(Path(config["out"]), shard, settings, sinks_of(config["also"], runs[0].class_names))
    return _tell(pipeline.write(source.table(config["split"]), output, show_progress("fields")), output)


def _tell(result: PipelineResult, output: Output) -> int:
    """Say what came of the run, and return the exit code."""
    seconds: dict[str, Any] = {stage: round(value, 2) for stage, value in result.seconds.items()}
    what = "submission" if output.shard is None else f"part {output.shard}"
    counts = f"{result.image_count} images, {result.cell_count} cells"
    tqdm.write(f"{what}  {output.path}  ({counts}; seconds {seconds})")
    if fallbacks_path(output.path).is_file():
        tqdm.write(f"not all images were treated as configured: {fallbacks_path(output.path)}")
    if result.failed:
        tqdm.write(
            f"{len(result.failed)} of {result.image_count} images failed; their rows are blank, the reasons above."
        )
    if result.skipped_count:
        tqdm.write(
            f"{result.skipped_count} of {result.image_count} images are blank as no time was left for them; the same "
            "command goes on with them."
        )
    if result.all_failed:
        return EXIT_NOTHING_USABLE
    return EXIT_SOME_BLANK if result.failed or result.skipped_count else 0
