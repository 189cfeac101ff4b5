import pytest

from hpa.config import plain
from hpa.core.errors import InputError
from hpa.stages.rounds import Rounds
from hpa.training.strategy import strategy_of

TISSUE = ("experiments=hubmap/unet_resnet34", "data.root=somewhere")


def settings(composed, *words):
    return plain(composed("train", *words))


def test_strategies_of_pixels_are_built_with_their_loss(composed):
    for name in ("direct", "auxiliary"):
        assert strategy_of(settings(composed, *TISSUE, f"supervision={name}")).reads_pixels
    words = ("supervision=auxiliary", "supervision@supervision.main=soft_masks", "supervision.main.runs=[somewhere]")
    assert strategy_of(settings(composed, *TISSUE, *words)).main.mask_runs == ("somewhere",)


@pytest.mark.parametrize("name", ["pseudo_label", "propagation", "multiple_instance"])
def test_strategies_of_cells_are_refused_for_pixels(composed, name):
    with pytest.raises(InputError, match="this supervision= teaches cells"):
        strategy_of(settings(composed, *TISSUE, f"supervision={name}"))


@pytest.mark.parametrize(
    "words",
    [
        ("supervision=soft_masks", "supervision.runs=[somewhere]"),
        ("supervision=auxiliary",),
        ("supervision=organ_cutmix",),
        ("supervision=detector",),
    ],
)
def test_strategies_of_pixels_are_refused_for_cells(composed, words):
    with pytest.raises(InputError, match=r"task=pixels, and this is task=cells.*supervision=pseudo_label"):
        strategy_of(settings(composed, *words))


def test_rounds_whose_students_learn_cells_are_refused_before_the_first_training(composed, tmp_path):
    config = settings(composed, *TISSUE, "stages=rounds", f"run_dir={tmp_path / 'run'}")
    student = config["stages"]["student"]
    with pytest.raises(InputError, match="stages=mask_rounds"):
        Rounds(1, student, None).run(config, tmp_path / "run", lambda _config, _folder: pytest.fail("a training began"))
