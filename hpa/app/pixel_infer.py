"""From runs of task=pixels and a folder of tissue to a submission (`id,rle`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tqdm import tqdm

from hpa.app.pixel_settings import require_of_tissue
from hpa.app.progress import show_progress
from hpa.config import Config, build
from hpa.core.errors import InputError
from hpa.device import choose_device, choose_precision
from hpa.inference.held_out import LearnsFromHeldOut
from hpa.inference.pixel_held_out import joined_held_out
from hpa.inference.pixel_members import Joins, TissueEnsemble, TissueMember
from hpa.inference.pixel_predictor import PixelPredictor
from hpa.inference.pixel_submission import MakesMasks, TissuePipeline, write_submission
from hpa.inference.pixel_views import AugmentedPixels
from hpa.inference.saved_network import network_of
from hpa.inference.thresholds import OrganThresholdFit
from hpa.models.saved_run import SavedRun

EXIT_NOTHING_USABLE = 1
EXIT_SOME_BLANK = 3
log = logging.getLogger(__name__)


def is_of_pixels(run: SavedRun) -> bool:
    """Tell whether a run was trained by task=pixels."""
    return bool(run.config["task"] == "pixels")


def infer_tissue(runs: Sequence[SavedRun], config: Config) -> int:
    """Write a submission and return the exit code: 0 all well, 3 some rows are blank, 1 all images failed.

    Raises:
        InputError: If the runs, the data or a setting do not fit tissue.
    """
    _require_fitting(runs, config)
    predictors = [_predictor(run, config) for run in runs]
    join = _join(predictors, config)
    source = build(config.get("data") or runs[0].config["data"])
    table = source.table(config["split"])
    for odd in (*table.problems, *table.warnings):
        log.warning("%s", odd)
    members = [_member(run, predictor, config) for run, predictor in zip(runs, predictors, strict=True)]
    pipeline = TissuePipeline(source, config["split"], TissueEnsemble(members, join), _thresholds(runs, join, config))
    result = pipeline.run(table.frame, show_progress("images", "image"))
    for problem in result.failed:
        log.warning("%s", problem)
    if len(result.failed) == len(result.rows):
        tqdm.write("no image could be predicted; the reasons stand above.")
        return EXIT_NOTHING_USABLE
    write_submission(Path(config["out"]), result)
    tqdm.write(f"submission  {config['out']}  ({len(result.rows)} images, {len(result.failed)} failed and blank)")
    return EXIT_SOME_BLANK if result.failed else 0


def _require_fitting(runs: Sequence[SavedRun], config: Config) -> None:
    """Refuse members of another task, and settings that would be passed over in silence."""
    for run in runs:
        if not is_of_pixels(run):
            raise InputError(f"{run.path} classifies cells, another member masks tissue; predict with each kind alone.")
    require_of_tissue(config)


def _predictor(run: SavedRun, config: Config) -> PixelPredictor:
    """Return the network of a run; its tiles are those of its training where the config says nothing."""
    device = choose_device(config["device"])
    tiles = config["tiles"]
    side_px = tiles["side_px"] or run.config["tiles"]["side_px"]
    share = tiles["overlap_share"]
    if not 0 <= share < 1:
        raise InputError(f"tiles.overlap_share={share}: a share of a tile's side from 0 to less than 1 is expected.")
    return PixelPredictor(
        cast("Any", network_of(run)),
        device,
        choose_precision(config["precision"], device),
        side_px,
        int(share * side_px),
        tiles["batch_tiles"],
    )


def _member(run: SavedRun, predictor: PixelPredictor, config: Config) -> TissueMember:
    views = {key: value for key, value in config["tta"].items() if key != "_target_"}
    return TissueMember(AugmentedPixels(predictor, **views), build(run.config["tiles"]).planes, run.channels)


def _join(predictors: Sequence[PixelPredictor], config: Config) -> Joins:
    """Return the ensemble; its members are asked by `TissueEnsemble`.

    Raises:
        InputError: If it learns from held-out cells.
    """
    ensemble: Any = build(config["ensemble"], members=list(predictors))
    if isinstance(ensemble, LearnsFromHeldOut) and ensemble.needs_held_out:
        raise InputError("this ensemble= learns from held-out cells; choose ensemble=mean or geometric for tissue.")
    return cast("Joins", ensemble)


def _thresholds(runs: Sequence[SavedRun], join: Joins, config: Config) -> MakesMasks:
    """Return what makes masks, fitted to the runs' held-out images where it wants to be."""
    part: Any = build(config["thresholds"])
    if not isinstance(part, OrganThresholdFit):
        return cast("MakesMasks", part)
    for image in joined_held_out([run.path.parent.parent for run in runs], join):
        if image.truth is not None:
            part.add(image.probabilities, image.truth, image.organ, image.pixel_um)
    fitted = part.fitted()
    for organ, rule in fitted.organs.items():
        log.info(
            "%s: from probability %.2f, units of %.0f µm² or more (held-out Dice %.3f)",
            organ,
            rule.threshold,
            rule.min_area_um2,
            part.mean_dice(organ),
        )
    return fitted
