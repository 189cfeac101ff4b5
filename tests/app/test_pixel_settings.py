import pytest

from hpa.app.pixel_settings import OF_CELLS, READ, require_of_tissue
from hpa.config import plain
from hpa.core.errors import InputError

CHOICES = [
    ("segmenter=watershed", "segmenter=Watershed"),
    ("fusion=product", "fusion=ProductFusion: it joins a cell with its image"),
    ("fusion=weighted", "fusion=WeightedFusion"),
    ("rules=edge", r"rules=\[edge\]"),
    ("also=cells", r"also=\[cells\]"),
    ("compile=true", "compile=True"),
    ("batch_cells=8", r"batch_cells=8: it counts cells; tiles\.side_px and tiles\.batch_tiles"),
    ("block_images=1", "block_images=1"),
    ("fields_at_once=1", "fields_at_once=1"),
    ("megapixels_at_once=5", "megapixels_at_once=5"),
    ("compile=true", "compile=True: networks of cells alone"),
    ("workers=0", "workers=0: one image is read while another is predicted"),
    ("shard=1/2", "shard=1/2"),
    ("budget_hours=2", "budget_hours=2"),
    ("budget_reserve_share=0.1", r"budget_reserve_share=0\.1"),
    ("when_late=[stop]", r"when_late=\[stop\]"),
]


def settings(composed, *words):
    return plain(composed("infer", "ckpt=somewhere", *words))


def test_every_setting_is_read_or_refused_and_stands_as_shipped(composed):
    config = settings(composed)
    assert {*config} <= {*READ, *OF_CELLS}
    assert {*READ, *OF_CELLS} - {*config} <= {"data", "segmenter"}  # not there until the command line names one
    require_of_tissue(config)


def test_every_refusal_is_tried():
    assert {word.partition("=")[0] for word, _ in CHOICES} == set(OF_CELLS)


@pytest.mark.parametrize(("word", "told"), CHOICES)
def test_what_only_cells_know_is_refused_in_words(composed, word, told):
    with pytest.raises(InputError, match=told):
        require_of_tissue(settings(composed, word))


def test_all_are_named_at_once(composed):
    with pytest.raises(InputError, match=r"fusion=.*shard="):
        require_of_tissue(settings(composed, "fusion=product", "shard=1/2"))


@pytest.mark.parametrize(
    "word", ["tta=d4", "ensemble=geometric", "thresholds=random", "tiles.side_px=64", "device=cpu", "precision=fp32"]
)
def test_what_tissue_reads_passes(composed, word):
    require_of_tissue(settings(composed, word))
