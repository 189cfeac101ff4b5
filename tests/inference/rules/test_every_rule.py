"""What every rule of conf/rules promises: probabilities in, probabilities out, no cell and no class lost."""

from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hpa.core.submission import format_prediction, parse_prediction
from hpa.inference.cells.held_out import FitsHeldOut
from tests.inference.fixed_members import held_out_of
from tests.inference.rules.fields import CLASS_COUNT, cases, field_and_confidences

CONF = Path(__file__).parents[3] / "conf" / "rules"
NAMES = sorted(file.stem for file in CONF.glob("*.yaml") if file.stem != "none")
SCALES_CELLS = {"edge", "nucleus"}
CALIBRATES = {"platt", "temperature"}


def rule_of(name):
    [part] = OmegaConf.load(CONF / f"{name}.yaml").values()
    rule = instantiate(part)
    if isinstance(rule, FitsHeldOut):
        rng = np.random.default_rng(0)
        targets = (rng.random((80, CLASS_COUNT)) < [0.5, 0.1, 0.9, 0.0]).astype(np.float32)
        predicted = np.clip(0.3 * targets + 0.7 * rng.random(targets.shape), 0, 1)
        rule.fit([held_out_of(predicted, targets)])
    return rule


RULES = {name: rule_of(name) for name in NAMES}


def test_each_file_holds_one_rule_of_its_own_name():
    for name in NAMES:
        assert list(OmegaConf.load(CONF / f"{name}.yaml")) == [name]


@pytest.mark.parametrize("name", NAMES)
@given(case=cases())
@settings(max_examples=40)
def test_confidences_stay_probabilities_and_inputs_stay_as_they_were(name, case):
    field, confidences = field_and_confidences(case)
    before = confidences.copy()
    found = RULES[name](field, confidences)
    assert found.shape == confidences.shape
    assert found.dtype == confidences.dtype
    assert ((found >= 0) & (found <= 1)).all()
    assert np.array_equal(confidences, before)


@given(case=cases(), names=st.permutations(NAMES))
@settings(max_examples=40)
def test_rules_in_any_order_write_every_class_of_every_cell(case, names):
    field, confidences = field_and_confidences(case)
    for name in names:
        confidences = RULES[name](field, confidences)
    assert ((confidences >= 0) & (confidences <= 1)).all()
    written = parse_prediction(format_prediction(["mask"] * len(confidences), confidences))
    assert written.classes.tolist() == list(range(CLASS_COUNT)) * len(confidences)


@pytest.mark.parametrize("name", sorted(SCALES_CELLS))
@given(case=cases())
@settings(max_examples=40)
def test_rules_of_cells_only_lower_and_never_delete(name, case):
    field, confidences = field_and_confidences(case)
    found = RULES[name](field, np.ones_like(confidences))
    assert ((found > 0) & (found <= 1)).all()
    assert (found == found[:, :1]).all()  # the classes of a cell keep their order and ratios


@pytest.mark.parametrize("name", sorted(CALIBRATES))
@given(case=cases())
@settings(max_examples=40)
def test_calibration_keeps_the_order_inside_a_class(name, case):
    field, confidences = field_and_confidences(case)
    found = RULES[name](field, confidences)
    for number in range(CLASS_COUNT):
        order = np.argsort(confidences[:, number], kind="stable")
        assert (np.diff(found[order, number]) >= 0).all()
