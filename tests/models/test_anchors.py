from __future__ import annotations

import pytest

from hpa.models.mask_rcnn import Anchors


def test_every_map_has_one_anchor_of_each_shape_and_the_area_of_its_square():
    generator = Anchors(side_px=[8, 16, 32, 64, 128], height_over_width=[0.5, 1.0, 2.0]).generator()
    assert generator.num_anchors_per_location() == [3] * 5
    for side_px, boxes in zip([8, 16, 32, 64, 128], generator.cell_anchors, strict=True):
        sides = boxes[:, 2:] - boxes[:, :2]
        assert sides.prod(1).tolist() == pytest.approx([side_px**2] * 3, rel=0.15)  # whole px
        assert (sides[:, 1] / sides[:, 0]).tolist() == pytest.approx([0.5, 1.0, 2.0], rel=0.2)
