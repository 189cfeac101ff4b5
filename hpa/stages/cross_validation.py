"""Every fold is held out once (`stages=cross_validation`): each image is predicted by a network that never saw it."""

from __future__ import annotations

import copy
from pathlib import Path

from hpa.config import Config
from hpa.stages.chain import SINGLE, finish, open_stage, stage_name
from hpa.stages.single import Train


class CrossValidation:
    """Trains `folds.count` runs, RUN/stages/0 …, and concatenates their held-out predictions."""

    is_chain = True

    def run(self, config: Config, folder: Path, train: Train) -> int:
        """Train the folds that are not trained yet, combine their results, and return the exit code."""
        run = open_stage(config, folder)
        if run.facts().get("finished"):
            return 0
        stages = [stage_name(fold) for fold in range(config["folds"]["count"])]
        for fold, stage in enumerate(stages):
            held_out = {"folds": config["folds"] | {"held_out": fold}, "stages": SINGLE}
            code = train(copy.deepcopy(config) | held_out, folder / stage)
            if code:
                return code
        finish(run, config, stages, members=stages)
        run.write_facts({"ensemble": stages})  # ckpt=RUN takes all folds
        return 0
