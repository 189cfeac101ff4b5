from __future__ import annotations

import pytest

from hpa.core.errors import InputError
from hpa.models.detection_settings import Anchors


def test_every_map_has_one_anchor_of_each_shape_and_the_area_of_its_square():
    generator = Anchors(side_px=[8, 16, 32, 64, 128], height_over_width=[0.5, 1.0, 2.0]).generator()
    assert generator.num_anchors_per_location() == [3] * 5
    for side_px, boxes in zip([8, 16, 32, 64, 128], generator.cell_anchors, strict=True):
        sides = boxes[:, 2:] - boxes[:, :2]
        assert sides.prod(1).tolist() == pytest.approx([side_px**2] * 3, rel=0.15)  # whole px
        assert (sides[:, 1] / sides[:, 0]).tolist() == pytest.approx([0.5, 1.0, 2.0], rel=0.2)


@pytest.mark.parametrize(
    ("sides", "shapes", "told"),
    [([8, 16], [1.0], "needs 5 numbers"), ([8, 16, 32, 64, 0], [1.0], "positive"), ([8] * 5, [], "at least one")],
)
def test_settings_that_cannot_be_are_told(sides, shapes, told):
    with pytest.raises(InputError, match=told):
        Anchors(sides, shapes)
