import pytest

from hpa.app.cell_settings import OF_TISSUE, require_of_cells
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
