"""Students taught by the held-out predictions of earlier students (`stages=rounds`).

Round 0 trains all folds as the recipe says. Each later round trains all folds again, taught by what the networks of
the round before said of images they had held out; no network ever labels an image that it was trained on. Rounds of
soft pseudo-labels took the seventh team of the 2021 competition from .531 to .554 and .566 (public).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hpa.config import Config
from hpa.core.errors import InputError
from hpa.stages.chain import SINGLE, begun, finish, stage_name
from hpa.stages.cross_validation import CrossValidation
from hpa.stages.single import Train
from hpa.training.strategy import strategy_of


class Rounds:
    """Cross-validations, RUN/stages/0 …, each taught by the one before.

    Args:
        rounds: How many follow the first, >= 1.
        student: Config of the later rounds' supervision; every `runs` in it is filled with the round before.
        teacher_folds: Folds of the rounds that teach, if the last one shall train a single student, with
            `folds.held_out` of `folds.count` held out as in any single training; None trains all folds in every round.

    Raises:
        InputError: If there is no later round, nothing in `student` listens to earlier runs, or folds are under 2.
    """

    goes_on = True

    def __init__(self, rounds: int, student: Config, teacher_folds: int | None) -> None:
        if rounds < 1:
            raise InputError(f"stages.rounds must be 1 or more, not {rounds}; stages=cross_validation has no student.")
        if _taught_by(student, "") == student:
            raise InputError(
                "stages.student is taught by no run; choose supervision/teacher@stages.student.teacher=out_of_fold."
            )
        if teacher_folds is not None and teacher_folds < 2:
            raise InputError(f"stages.teacher_folds must be 2 or more, or null, not {teacher_folds}.")
        self.teacher_folds = teacher_folds
        self.rounds = rounds
        self.student = student

    def run(self, config: Config, folder: Path, train: Train) -> int:
        """Train the rounds that are not trained yet, and return the exit code."""
        run = begun(config, folder)
        if run.facts().get("finished"):
            return 0
        strategy_of(config | {"supervision": _taught_by(self.student, str(folder))})  # refused before hours, not after
        stages = [stage_name(number) for number in range(self.rounds + 1)]
        round_config = copy.deepcopy(config) | {"stages": SINGLE}
        for stage in stages:
            if self.teacher_folds is None:
                code = CrossValidation().run(round_config, folder / stage, train)
            elif stage != stages[-1]:
                folds = {"folds": config["folds"] | {"count": self.teacher_folds}}
                code = CrossValidation().run(round_config | folds, folder / stage, train)
            else:
                code = train(copy.deepcopy(round_config), folder / stage)
            if code:
                return code
            round_config = round_config | {"supervision": _taught_by(self.student, str(folder / stage))}
        finish(run, config, stages, members=stages[-1:])
        return 0


def _taught_by(node: Any, run: str) -> Any:
    """Return a copy of a config in which every list of `runs` names this one."""
    if not isinstance(node, dict):
        return copy.deepcopy(node)
    return {key: [run] if key == "runs" else _taught_by(value, run) for key, value in node.items()}
