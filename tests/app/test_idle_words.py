"""Words without effect are refused with what leaves them so, and only then."""

import pytest
from omegaconf import OmegaConf

from hpa.app.idle_words import _CELL_BY_CELL, _WHOLE_IMAGE, idle_words
from hpa.models.whole_image import WholeImageModel
from hpa.supervision.propagation import PropagationSupervision


def config_of(composed, name: str, *words: str) -> dict:
    needed = ["ckpt=somewhere"] if name == "infer" else []
    return OmegaConf.to_container(composed(name, *needed, *words), resolve=False) | ({"workers": 2} if needed else {})


@pytest.mark.parametrize(
    ("name", "beside", "word", "words"),
    [
        ("train", "data=kaggle_hpa", "world.images=3", "add data=synthetic"),
        ("train", "model=tiny", "loading.field_batch_cells=3", "add model/view=whole_image"),
        ("train", "model=tiny", "field.side_px=64", "add model/view=whole_image"),
        ("train", "supervision=propagation", "loading.cells_per_image=3", "write loading.batch_cells"),
        ("train", "model/view=whole_image", "loading.batch_cells=3", "loading.field_batch_cells in its place"),
        ("train", "model/view=whole_image", "loading.cells_per_image=3", "loading.field_batch_cells in its place"),
        ("train", "model=tiny", "corrected_weight=3.0", "add data.corrections=FILE"),
        ("infer", "split=test", "world.images=3", "the images of the run are others"),
        ("infer", "data=kaggle_hpa", "data.channels=[red]", "channels that it was trained on"),
        ("infer", "workers=2", "threads=5", "workers=2 is their number"),
        ("infer", "split=test", "when_late=stop", "add budget_hours=8"),
    ],
)
def test_a_word_without_effect_is_refused(composed, name, beside, word, words):
    config = config_of(composed, name, beside, word)
    (sentence,) = idle_words(name, config, [beside, word])
    assert sentence.startswith(f"'{word}': ")
    assert words in sentence


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", ["world.images=3", "model=tiny"]),
        ("train", ["model/view=whole_image", "loading.field_batch_cells=3", "field.side_px=64"]),
        ("train", ["supervision=multiple_instance", "loading.cells_per_image=3", "loading.batch_cells=8"]),
        ("train", ["experiments=hpa/rounds", "loading.cells_per_image=3"]),
        ("train", ["data.corrections=cells.csv", "corrected_weight=3.0"]),
        ("infer", ["data=synthetic", "world.images=3"]),
        ("infer", ["budget_hours=2", "when_late=stop"]),
    ],
)
def test_words_with_effect_are_taken(composed, name, words):
    assert idle_words(name, config_of(composed, name, *words), words) == []


def test_the_classes_that_leave_words_without_effect_are_those():
    names = [f"{one.__module__}.{one.__qualname__}" for one in (PropagationSupervision, WholeImageModel)]
    assert names == [_CELL_BY_CELL, _WHOLE_IMAGE]
    assert PropagationSupervision.unit.fget(None) == "cell"
