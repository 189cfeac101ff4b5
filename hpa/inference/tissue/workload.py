"""Inference on tissue (`conf/inference/pixels.yaml`): masks of functional tissue units by networks of task=pixels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from hpa.config import Config, build
from hpa.core.digest import digest_of_values, sha256_of_file
from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable
from hpa.device import choose_device, choose_precision
from hpa.inference.blocks import BlockSizes
from hpa.inference.cells.held_out import FitsHeldOut
from hpa.inference.ensemble import Ensemble, Join
from hpa.inference.saved_network import network_of
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.tissue.augmented import AugmentedTissue
from hpa.inference.tissue.held_out import combined_held_out, held_out_files
from hpa.inference.tissue.member import TissueMember, TissuePredictor, combine_maps
from hpa.inference.tissue.predictor import PixelPredictor
from hpa.inference.tissue.steps import MakesMasks, TissueSteps
from hpa.inference.tissue.thresholds import OrganThresholdFit
from hpa.inference.views import Views
from hpa.inference.workload import InferenceParts, fallbacks_of, join_config, shared_settings
from hpa.models.saved_run import SavedRun

SLOTS = ("tta", "ensemble", "thresholds", "tiles")
log = logging.getLogger(__name__)


class TissueInference:
    """Writes one mask an image."""

    def parts(self, runs: Sequence[SavedRun], config: Config, stopwatch: Stopwatch) -> InferenceParts:
        """Build what a prediction needs.

        Raises:
            InputError: If the data or a setting do not fit.
        """
        networks = [_network(run, config) for run in runs]
        views: Views = build(config["tta"])
        source = build(config.get("data") or runs[0].part("data"))
        table = _without_problems(source.table(config["split"]))
        organs = dict(zip(table.image_ids, map(str, table.frame.get("organ", ())), strict=False))
        thresholds, fitted_to = _thresholds(runs, _join(runs, config), config)

        def predictor(member_count: int, with_views: bool) -> TissuePredictor:
            shown = views if with_views else views.single()
            pairs = zip(runs[:member_count], networks, strict=False)
            members = [
                TissueMember(AugmentedTissue(network, shown), build(run.settings("tiles")).planes, run.channels)
                for run, network in pairs
            ]
            return Ensemble(members, partial(combine_maps, join=_join(runs[:member_count], config)))

        return InferenceParts(
            steps=TissueSteps(source, config["split"], thresholds, organs, stopwatch),
            stopwatch=stopwatch,
            table=table,
            fallbacks=fallbacks_of(config, len(runs), len(views), predictor),
            sizes=BlockSizes(config["block_images"], 1, 1.0),  # an image fills memory: each goes alone
            settings=shared_settings(runs, config, SLOTS) | {"held_out": fitted_to},
            counted=None,
        )


def _without_problems(table: ImageTable) -> ImageTable:
    """Return the table with its problems logged only: a section can be masked whatever is wrong with its row."""
    for problem in (*table.problems, *table.warnings):
        log.warning("%s", problem)
    return replace(table, problems=(), warnings=())


def _network(run: SavedRun, config: Config) -> PixelPredictor:
    """Return the network of a run; its tiles are those of its training where the config leaves them open."""
    device = choose_device(config["device"])
    tiles = config["tiles"]
    side_px = tiles["side_px"] or run.settings("tiles", "side_px")["side_px"]
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


def _join(runs: Sequence[SavedRun], config: Config) -> Join:
    """Return how members are combined.

    Raises:
        InputError: If that is fitted to held-out cells.
    """
    join: Any = build(join_config(config, len(runs)), member_count=len(runs))
    if isinstance(join, FitsHeldOut) and join.needs_held_out:
        raise InputError("this ensemble= is fitted to held-out cells; choose ensemble=mean or geometric for tissue.")
    return cast("Join", join)


def _thresholds(runs: Sequence[SavedRun], join: Join, config: Config) -> tuple[MakesMasks, str | None]:
    """Return what makes masks, and a digest of the held-out images that it was fitted to, None where it was not."""
    part: Any = build(config["thresholds"])
    if not isinstance(part, OrganThresholdFit):
        return cast("MakesMasks", part), None
    folders = [run.path.parent.parent for run in runs]
    for image in combined_held_out(folders, join):
        if image.truth is not None:
            part.add(image.probabilities, image.truth, image.organ, image.pixel_um)
    thresholds = part.fitted()
    for organ, rule in thresholds.organs.items():
        log.info(
            "%s: from probability %.2f, units of %.0f µm² or more (held-out Dice %.3f)",
            organ,
            rule.threshold,
            rule.min_area_um2,
            part.mean_dice(organ),
        )
    return thresholds, digest_of_values([_digests_of(folder) for folder in folders])


def _digests_of(folder: Path) -> dict[str, str]:
    return {image_id: sha256_of_file(path) for image_id, path in held_out_files(folder).items()}
