from dataclasses import replace

import numpy as np
import pytest
from omegaconf import OmegaConf

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.intake.quality_control import QualityLimits, judge_images
from hpa.simulation.two_cell_types import render_two_type_field
from tests.intake.planted_faults import FAULTS, plant
from tests.test_configs import CONF


def limits() -> QualityLimits:
    values = OmegaConf.to_container(OmegaConf.load(CONF / "qc.yaml")["limits"])
    return QualityLimits(**{name: value for name, value in values.items() if name != "_target_"})


def judged(fields):
    by_name = {field.image_id: field for field in fields}
    return {quality.image_id: quality for quality in judge_images(list(by_name), by_name.__getitem__, limits(), int)}


def good_fields(count, side_px):
    kinds = ("HEK", "N2a", "Mixed")
    return [render_two_type_field(21, kinds[n % 3], n // 3, side_px, side_px).field for n in range(count)]


def planted(fields, every, rng):
    """Return the fields with a fault in every so many, and the fault of each image, "" where there is none."""
    made, truth = [], {}
    for place, field in enumerate(fields):
        fault = FAULTS[(place // every) % len(FAULTS)] if place % every == 0 else ""
        made.append(plant(fault, field, fields[place - 1], rng) if fault else field)
        truth[field.image_id] = fault
        if fault == "duplicate":
            truth[fields[place - 1].image_id] = fault  # nobody can say which is the copy
    return made, truth


@pytest.mark.slow
def test_each_fault_is_named():
    fields = good_fields(9, 512)
    rng = np.random.default_rng(1)
    for fault in ("focus", "saturation", "empty", "duplicate", "mismatched"):
        bad = plant(fault, fields[0], fields[4], rng)
        found = judged([bad, *fields[1:]])
        assert fault in found[bad.image_id].reasons
        assert found[bad.image_id].suspicion >= 1


def test_an_image_that_cannot_be_read_is_the_worst():
    def read(image_id):
        raise InputError(f"{image_id}: is broken")

    quality = judge_images(["a"], read, limits(), int)[0]
    assert quality.reasons == {"unreadable": "a: is broken"}
    assert quality.suspicion == 10


def test_of_a_blank_image_only_that_is_reported():
    blank = Field("a", np.zeros((2, 64, 64), np.uint8), ("green", "blue"), 1.0)
    found = judged([blank, replace(blank, image_id="b")])
    assert list(found["a"].reasons) == ["empty"]


def test_where_cells_are_saturated_brightness_means_no_debris():
    light = np.zeros((2, 128, 128), np.uint8)
    light[:, 20:60, 20:60] = 255
    light[:, 80:100, 80:100] = 90
    reasons = judged([Field("a", light, ("green", "blue"), 1.0)])["a"].reasons
    assert "saturation" in reasons
    assert "debris" not in reasons


def test_limits_make_sense():
    with pytest.raises(InputError, match="above 0"):
        replace(limits(), min_signal=0.0)


@pytest.mark.thorough
def test_planted_faults_are_found_and_good_images_left_alone():
    fields, truth = planted(good_fields(105, 512), 3, np.random.default_rng(0))
    found = judged(fields)
    bad = [name for name, fault in truth.items() if fault]
    good = [name for name, fault in truth.items() if not fault]
    assert sum(truth[name] in found[name].reasons for name in bad) >= 0.95 * len(bad)
    assert sum(bool(found[name].reasons) for name in good) <= 0.05 * len(good)
