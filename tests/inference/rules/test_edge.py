from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from omegaconf import OmegaConf

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.inference.rules.edge import EdgeRule
from hpa.interfaces import SegmentedField

CONF = Path(__file__).parents[3] / "conf" / "rules"
LABEL_MAPS = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.integers(0, 6)).map(relabel)


def field_of(cells, pixel_um=1.0):
    field = Field("any", np.zeros((1, *cells.shape), np.uint8), ("green",), pixel_um)
    return SegmentedField(field, Segmentation(cells))


def ones_for(cells):
    return np.ones((int(cells.max(initial=0)), 2), np.float32)


@given(LABEL_MAPS)
def test_confidences_are_scaled_by_area_as_counted_pixel_by_pixel(cells):
    found = EdgeRule(full_area_at_edge_um2=10.0, full_area_inside_um2=4.0)(field_of(cells), ones_for(cells))
    height, width = cells.shape
    for cell in range(1, cells.max(initial=0) + 1):
        places = [(y, x) for y in range(height) for x in range(width) if cells[y, x] == cell]
        touches = any(y in (0, height - 1) or x in (0, width - 1) for y, x in places)
        assert found[cell - 1] == pytest.approx(min(1, len(places) / (10 if touches else 4)))


@given(LABEL_MAPS)
def test_no_cell_is_deleted(cells):
    found = EdgeRule(full_area_at_edge_um2=1e6, full_area_inside_um2=1e6)(field_of(cells), ones_for(cells))
    assert (found > 0).all()


@given(LABEL_MAPS)
def test_resolution_does_not_show(cells):
    rule = EdgeRule(full_area_at_edge_um2=10.0, full_area_inside_um2=4.0)
    fine = np.kron(cells, np.ones((2, 2), np.int32)).astype(np.int32)
    np.testing.assert_allclose(rule(field_of(fine, 0.5), ones_for(fine)), rule(field_of(cells), ones_for(cells)))


def test_config_holds_the_published_numbers():
    config = OmegaConf.load(CONF / "edge.yaml")
    [rule] = [instantiate(part) for part in config.values()]
    cells = np.zeros((600, 400), np.int32)
    cells[:200, :200] = 1  # half of 80,000 px, at the edge
    cells[300:400, 100:260] = 2  # half of 32,000 px, inside
    cells[420:590, 100:300] = 3  # more than 32,000 px, inside
    np.testing.assert_allclose(rule(field_of(cells, 0.08), ones_for(cells))[:, 0], [0.5, 0.5, 1], rtol=1e-6)


def test_config_of_no_rules_is_empty():
    assert len(OmegaConf.load(CONF / "none.yaml")) == 0


@pytest.mark.parametrize("areas", [(0.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_areas_that_make_no_sense_are_refused(areas):
    with pytest.raises(InputError, match="above 0"):
        EdgeRule(*areas)
