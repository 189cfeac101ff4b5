"""Inference on cells (`conf/inference/cells.yaml`): what the command line leaves out comes from the run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from hpa.config import Config, build, build_each
from hpa.core.channels import union_of_channels
from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.device import choose_device, choose_precision
from hpa.inference.blocks import BlockSizes
from hpa.inference.budget import Fallback
from hpa.inference.cells.augmented import AugmentedCells
from hpa.inference.cells.combine import combine_cells
from hpa.inference.cells.crop_member import CropMember
from hpa.inference.cells.field_member import FieldMember
from hpa.inference.cells.held_out import HeldOutCells, fitted, held_out_of, require_same_cells
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.cells.steps import CellSteps, FieldSteps
from hpa.inference.ensemble import Ensemble, Join
from hpa.inference.saved_network import network_of
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.views import Views
from hpa.inference.workload import InferenceParts, fallbacks_of, join_config, shared_settings
from hpa.intake.needed_channels import source_with
from hpa.interfaces import CellPrediction, CellSink, FieldPredictor, Fusion, Rule
from hpa.models.saved_run import SavedRun

log = logging.getLogger(__name__)
SLOTS = ("tta", "ensemble", "fusion", "rules", "also")


class CellInference:
    """Writes masks and confidences of cells."""

    def parts(self, runs: Sequence[SavedRun], config: Config, stopwatch: Stopwatch) -> InferenceParts:
        """Build what a prediction needs.

        Raises:
            InputError: If the runs differ in their classes, or the data or a setting do not fit.
        """
        require_same_classes(runs)
        segmenter_part = config.get("segmenter") or runs[0].part("segmenter")
        segmenter = build(segmenter_part)
        rules = build_each(config["rules"], "rules")
        channels: tuple[str, ...] = ()
        for run in runs:
            channels = union_of_channels(channels, run.channels)
        source = source_with(config.get("data") or runs[0].part("data"), channels, segmenter_part, segmenter)
        fusion: Fusion = build(config["fusion"])
        predictors = CellPredictors(runs, config)
        fallbacks = predictors.fallbacks()
        rules = predictors.fitted_rules(rules, fusion)
        settings = shared_settings(runs, config, SLOTS) | {
            "segmenter": segmenter.fingerprint(),
            "channels": list(source.channels),
            "compile": config["compile"],
            "batch_cells": config["batch_cells"],
            "held_out": predictors.digests_of_held_out(),
        }
        table = source.table(config["split"])
        for warning in table.warnings:
            log.warning("%s", warning)
        return InferenceParts(
            steps=CellSteps(source, config["split"], FieldSteps(segmenter, fusion, rules, stopwatch)),
            stopwatch=stopwatch,
            table=table,
            fallbacks=fallbacks,
            sizes=BlockSizes(config["block_images"], config["fields_at_once"], config["megapixels_at_once"]),
            settings=settings,
            counted="cells",
            sinks=sinks_of(config["also"], runs[0].class_names),
        )


class CellPredictors:
    """The networks of runs with their views, joined: as configured, and in the cheaper ways that `when_late` allows.

    Args:
        runs: The members.
        config: Of infer.py.
    """

    def __init__(self, runs: Sequence[SavedRun], config: Config) -> None:
        device = choose_device(config["device"])
        precision = choose_precision(config["precision"], device)
        self._runs = runs
        self._config = config
        self._views: Views = build(config["tta"])
        self._networks = [ModelPredictor(network_of(run), device, precision, config["compile"]) for run in runs]
        self._read_held_out: dict[str, HeldOutCells] = {}

    def fallbacks(self) -> list[Fallback]:
        """Return the predictors, from the configured one to the cheapest.

        Raises:
            InputError: If a part does not fit its config, or held-out predictions are needed and missing.
        """
        return fallbacks_of(self._config, len(self._runs), len(self._views), self._predictor)

    def fitted_rules(self, rules: Sequence[Any], fusion: Fusion) -> list[Rule]:
        """Return the rules, calibrated on held-out cells as they would see them where they need it."""
        return [fitted(rule, lambda: [self._combined_held_out(fusion)]) for rule in rules]

    def digests_of_held_out(self) -> dict[str, str]:
        """Return the digest of each file of held-out predictions that a part was fitted to, in the runs' order."""
        return {
            str(number): sha256_of_file(self._read_held_out[str(run.path)].path)
            for number, run in enumerate(self._runs)
            if str(run.path) in self._read_held_out
        }

    def _predictor(self, member_count: int, with_views: bool) -> FieldPredictor:
        runs = self._runs[:member_count]
        views = self._views if with_views else self._views.single()
        members = [self._member(run, network, views) for run, network in zip(runs, self._networks, strict=False)]
        return Ensemble(members, partial(combine_cells, join=self._join(runs)))

    def _member(self, run: SavedRun, network: ModelPredictor, views: Views) -> FieldPredictor:
        predictor = fitted(AugmentedCells(network, views), lambda: [self._held_out(run)])
        config = self._config
        reading = {"channels": run.channels, "batch_cells": config["batch_cells"], "workers": config["workers"]}
        if network.stride is not None:
            return FieldMember(
                predictor, side_px=run.settings("field", "side_px")["side_px"], stride=network.stride, **reading
            )
        crop = run.settings("crop", "side_px", "masked", "margin")
        return CropMember(predictor, side_px=crop["side_px"], masked=crop["masked"], margin=crop["margin"], **reading)

    def _join(self, runs: Sequence[SavedRun]) -> Join:
        join: Join = build(join_config(self._config, len(runs)), member_count=len(runs))
        return fitted(join, lambda: [self._held_out(run) for run in runs])

    def _held_out(self, run: SavedRun) -> HeldOutCells:
        path = str(run.path)
        if path not in self._read_held_out:
            self._read_held_out[path] = held_out_of(run)
        return self._read_held_out[path]

    def _combined_held_out(self, fusion: Fusion) -> HeldOutCells:
        return combined_held_out([self._held_out(run) for run in self._runs], self._join(self._runs), fusion)


def combined_held_out(members: Sequence[HeldOutCells], join: Join, fusion: Fusion) -> HeldOutCells:
    """Return the held-out cells of all members as the rules would see them: joined, and fused image by image.

    Test-time augmentation and earlier rules are left out: the runs did not keep the images.

    Raises:
        InputError: If the members did not hold out the same cells.
    """
    require_same_cells(members)
    probabilities = join(torch.from_numpy(np.stack([member.probabilities for member in members])))
    no_features = torch.zeros(len(probabilities), 0)
    fused = [fusion(CellPrediction(probabilities[cells], no_features[cells])) for cells in members[0].by_image()]
    return members[0].with_probabilities(np.concatenate(fused).astype(np.float32))


def require_same_classes(runs: Sequence[SavedRun]) -> None:
    """Refuse members that name other classes, or the same in another order.

    Raises:
        InputError: Naming the run and the classes.
    """
    first = runs[0]
    for run in runs[1:]:
        if run.class_names == first.class_names:
            continue
        more = [name for name in run.class_names if name not in first.class_names]
        fewer = [name for name in first.class_names if name not in run.class_names]
        sides = f"only the one names {', '.join(more) or 'nothing'}, only the other {', '.join(fewer) or 'nothing'}"
        raise InputError(
            f"{run.path} names other classes than {first.path}: {sides if more or fewer else 'the order differs'}. "
            "Members must share their classes; predict with each alone."
        )


def sinks_of(also: Config, class_names: Sequence[str]) -> list[CellSink]:
    """Return the writers of `also=`; classes that the config leaves out are those of the run.

    Raises:
        InputError: If a writer lacks a package, or the config names another number of classes.
    """
    return build_each({slot: _with_class_names(slot, part, class_names) for slot, part in also.items()}, "also")


def _with_class_names(slot: str, part: Config, class_names: Sequence[str]) -> Config:
    """Return the part with the names of the classes, where it takes them."""
    if "class_names" not in part:
        return part
    names = list(part["class_names"] or class_names)
    if len(names) != len(class_names):
        raise InputError(
            f"also.{slot}.class_names has {len(names)} names, the run has {len(class_names)} classes "
            f"({', '.join(class_names)}); name each, in this order, or leave them out."
        )
    return {**part, "class_names": names}
