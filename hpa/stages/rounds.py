"""Students that learn from the held-out predictions of the round before (`stages=rounds`).

Round 0 trains all folds as the recipe says. Each later round trains all folds again on pseudo-labels: what the networks
of the round before predicted of images they had held out; no network ever labels an image that it was trained on.
Rounds of soft pseudo-labels took the seventh team of the 2021 competition from .531 to .554 and .566 (public).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hpa.config import Config, build, require_task
from hpa.core.errors import InputError
from hpa.models.network_size import bounded_network
from hpa.stages.chain import SINGLE, finish, open_stage, stage_name
from hpa.stages.cross_validation import CrossValidation
from hpa.stages.single import Train
from hpa.stages.teachers import require_same_classes
from hpa.stages.trial_build import require_supervision


class Rounds:
    """Cross-validations, RUN/stages/0 …, each with the one before as its teacher.

    Args:
        rounds: How many follow the first, >= 1.
        student: Config of the later rounds' supervision; every `runs` in it is filled with the round before.
        teacher_folds: Folds of all rounds but the last, which then trains a single student, with `folds.held_out` of
            `folds.count` held out as in any single training; None trains all folds in every round.

    Raises:
        InputError: If there is no later round, `student` reads no earlier runs, or folds are under 2.
    """

    is_chain = True

    def __init__(self, rounds: int, student: Config, teacher_folds: int | None) -> None:
        if rounds < 1:
            raise InputError(f"stages.rounds must be 1 or more, not {rounds}; stages=cross_validation has no student.")
        if _with_teacher(student, "") == student:
            raise InputError(
                "stages.student learns from no run; choose supervision/teacher@stages.student.teacher=out_of_fold."
            )
        if teacher_folds is not None and teacher_folds < 2:
            raise InputError(f"stages.teacher_folds must be 2 or more, or null, not {teacher_folds}.")
        self.teacher_folds = teacher_folds
        self.rounds = rounds
        self.student = student

    def run(self, config: Config, folder: Path, train: Train) -> int:
        """Train the rounds that are not trained yet, and return the exit code."""
        run = open_stage(config, folder)
        if run.facts().get("finished"):
            return 0
        require_task(config)
        stages = [stage_name(number) for number in range(self.rounds + 1)]
        begun = [str(folder / stage) for stage in stages if (folder / stage / "run.json").is_file()]
        _build_supervision(config, self.student, str(folder), begun)  # refused before hours of training, not after
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
            round_config = round_config | {"supervision": _with_teacher(self.student, str(folder / stage))}
        finish(run, config, stages, members=stages[-1:])
        return 0


def _with_teacher(node: Any, run: str) -> Any:
    """Return a copy of a student's config in which every list of `runs` names this run."""
    if not isinstance(node, dict):
        return copy.deepcopy(node)
    return {key: [run] if key == "runs" else _with_teacher(value, run) for key, value in node.items()}


def _build_supervision(config: Config, student: Config, run: str, begun: list[str]) -> None:
    """Build the strategy of a later round.

    Raises:
        InputError: If it does not fit together, or a teacher, or a stage that is begun, has other classes.
    """
    source = build(config["data"])
    require_same_classes({"runs": begun, "first": config["supervision"]}, source.class_names)
    with bounded_network(config["model"]):
        model = build(config["model"], channel_count=len(source.channels), class_count=len(source.class_names))
    require_supervision(config, _with_teacher(student, run), model, len(source.class_names))
