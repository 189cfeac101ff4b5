import pytest

from hpa.app.cell_settings import OF_CELL_TRAINING, OF_TISSUE, require_of_cells, require_of_pixel_training
from hpa.config import plain
from hpa.core.errors import InputError


def test_cells_are_predicted_with_what_is_shipped(composed):
    config = plain(composed("infer", "ckpt=somewhere"))
    assert {*OF_TISSUE} <= {*config}
    require_of_cells(config)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("thresholds=fixed", "thresholds=.*: cells keep the confidence of every class"),
        ("tiles.side_px=64", "tiles=.*: cells are cut out.*batch_cells and fields_at_once"),
    ],
)
def test_settings_of_tissue_are_refused_where_cells_are_predicted(composed, word, told):
    with pytest.raises(InputError, match=told):
        require_of_cells(plain(composed("infer", "ckpt=somewhere", word)))


def test_pixels_are_taught_with_what_is_shipped(composed):
    config = plain(composed("train", "task=pixels", "model=unet"))
    assert {*OF_CELL_TRAINING} <= {*config}
    require_of_pixel_training(config)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("batch_augment=mixup", "batch_augment=BatchMixup: it changes batches of cells; .*organ_cutmix"),
        ("sampling=class_balanced", "sampling=ClassBalancedSampling: it draws cells by their classes"),
    ],
)
def test_settings_of_cells_are_refused_where_pixels_are_taught(composed, word, told):
    with pytest.raises(InputError, match=told):
        require_of_pixel_training(plain(composed("train", "task=pixels", "model=unet", word)))
