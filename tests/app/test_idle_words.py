"""Words without effect are refused with what leaves them so, and only then."""

import pytest
from omegaconf import OmegaConf

from hpa.app.idle_words import idle_words


def config_of(composed, name: str, *words: str) -> dict:
    needed = ["ckpt=somewhere"] if name == "infer" else []
    return OmegaConf.to_container(composed(name, *needed, *words), resolve=False) | ({"workers": 2} if needed else {})


@pytest.mark.parametrize(
    ("name", "beside", "word", "words"),
    [
        ("train", "data=kaggle_hpa", "world.images=3", "add data=synthetic"),
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
        ("infer", ["data=synthetic", "world.images=3"]),
        ("infer", ["budget_hours=2", "when_late=stop"]),
    ],
)
def test_words_with_effect_are_taken(composed, name, words):
    assert idle_words(name, config_of(composed, name, *words), words) == []
