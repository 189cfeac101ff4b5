from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from hpa.core.classes import NEGATIVE_CLASS
from hpa.core.errors import InputError
from hpa.simulation.camera import Camera
from hpa.simulation.culture import FIELD_UM
from hpa.simulation.image_labels import deck_of, image_classes
from hpa.simulation.label_noise import copy_noise
from hpa.simulation.synthetic_field import plan_field, render_field
from hpa.simulation.worlds import STANDARD, WORLDS, world_named

OTHERS = [world for world in WORLDS.values() if world is not STANDARD]


@cache
def plans(name, count=6):
    return [plan_field(2, "train", index, FIELD_UM, WORLDS[name]) for index in range(count)]


def shown(name, index):
    """Return what an image shows by plan, without its cells."""
    deck = np.random.default_rng((7, deck_of(index), 1))
    return image_classes(np.random.default_rng((7, index)), deck, index, WORLDS[name].frequencies)


def labelled(name, count):
    """Return (shown, labels) of images that are not negative."""
    annotator = WORLDS[name].annotation
    found = [shown(name, index) for index in range(count)]
    return [
        (classes, annotator.labels(np.random.default_rng((8, index)), classes))
        for index, classes in enumerate(found)
        if NEGATIVE_CLASS not in classes
    ]


def precision(name):
    return copy_noise((plan.classes, plan.cell_classes) for plan in plans(name)).precision


@pytest.mark.parametrize("world", OTHERS, ids=lambda world: world.name)
def test_a_world_differs_from_the_standard_in_few_respects(world):
    named = ("name", "difference")
    differing = [field.name for field in fields(world) if field.name not in named]
    differing = [name for name in differing if getattr(world, name) != getattr(STANDARD, name)]
    assert len(differing) == (5 if world.name == "held_out" else 2 if world.name == "harsher" else 1)


@pytest.mark.parametrize("world", WORLDS.values(), ids=lambda world: world.name)
def test_a_field_depends_on_world_seed_and_number_alone(world):
    drawn, again = (render_field(2, "train", 4, 32, 32, world) for _ in range(2))
    assert np.array_equal(drawn.field.pixels, again.field.pixels)
    assert (drawn.image_classes, drawn.cell_classes) == (again.image_classes, again.cell_classes)
    assert len(drawn.cell_classes) == drawn.cells.max()


def test_the_standard_world_is_the_one_of_before():
    """Identity, labels and cells of one field as drawn before there were other worlds."""
    plan = plan_field(0, "train", 0, FIELD_UM)
    assert plan.image_id == "5f82c2d9-cfeb-4fa3-a1d7-d982f8bd1045"
    assert (plan.classes, plan.line.name, len(plan.cells)) == ([16], "U-2 OS", 18)
    assert plan.cell_classes[:4] == [[16], [18], [18], [16]]
    drawn = render_field(0, "train", 0, 64, 64)
    assert drawn.field.pixels.mean(axis=(1, 2)) == pytest.approx(MEANS, abs=0.01)


MEANS = [109.5205, 25.6702, 19.1865, 28.0469]


def test_labels_are_kinder_and_harsher():
    assert precision("kinder") > precision("standard") + 0.05
    assert precision("harsher") < precision("standard") - 0.05


def test_fields_are_sparse_and_dense():
    counts = {name: np.mean([len(plan.cells) for plan in plans(name)]) for name in ("sparse", "standard", "dense")}
    assert counts["sparse"] < 0.55 * counts["standard"]
    assert counts["dense"] > 1.2 * counts["standard"]


def test_rare_classes_are_as_rare_as_in_the_atlas():
    negative = {
        name: sum(shown(name, index) == [NEGATIVE_CLASS] for index in range(2000)) for name in ("standard", "rare")
    }
    assert negative["standard"] > 40
    assert negative["rare"] <= binom.isf(1e-9, 2000, 0.0016)


def test_rates_differ_by_class_as_stated():
    pairs = labelled("by_class", 2500)
    noise = WORLDS["by_class"].annotation
    for number in (0, 7, 13, 16):
        missed = [number not in labels for classes, labels in pairs if number in classes and len(classes) > 2]
        rate = noise.false_negative_rate[number]  # lower where errors that leave no label are drawn again
        assert binom.ppf(1e-6, len(missed), 0.8 * rate) <= sum(missed) <= binom.isf(1e-6, len(missed), rate)
        invented = [number in labels for classes, labels in pairs if number not in classes and len(classes) > 1]
        rate = noise.false_positive_rate[number]
        assert binom.ppf(1e-6, len(invented), rate) <= sum(invented) <= binom.isf(1e-6, len(invented), 1.2 * rate)
    assert noise.false_negative_rate[NEGATIVE_CLASS] == noise.false_positive_rate[NEGATIVE_CLASS] == 0


def test_minor_classes_are_left_out_together():
    pairs = [(classes, labels) for classes, labels in labelled("co_omission", 1500) if len(classes) > 2]
    lengths = [len(labels) == 1 for _, labels in pairs]
    assert all(labels in (classes, classes[:1]) for classes, labels in pairs)
    assert binom.ppf(1e-9, len(pairs), 0.4) <= sum(lengths) <= binom.isf(1e-9, len(pairs), 0.4)


def test_a_world_with_errors_keeps_the_truth_of_its_cells():
    drawn = [render_field(2, "train", index, 32, 32, WORLDS["by_class"]) for index in range(4)]
    exact = replace(WORLDS["by_class"], annotation=STANDARD.annotation)
    without = [render_field(2, "train", index, 32, 32, exact) for index in range(4)]
    assert [one.cell_classes for one in drawn] == [one.cell_classes for one in without]
    assert [one.image_classes for one in drawn] != [one.image_classes for one in without]


def test_the_optics_of_widefield_blur_and_add_noise():
    cameras = {
        name: [Camera.sample(np.random.default_rng(seed), 4, WORLDS[name].optics) for seed in range(20)]
        for name in ("standard", "widefield")
    }
    assert {camera.psf_um for camera in cameras["widefield"]} == {0.36}
    noise = {name: np.mean([camera.read_noise for camera in found]) for name, found in cameras.items()}
    assert noise["widefield"] > 1.5 * noise["standard"]


def test_protein_is_faint():
    levels = {
        name: np.mean(
            [render_field(2, "train", index, 32, 32, WORLDS[name]).field.plane("green") for index in range(4)]
        )
        for name in ("standard", "faint")
    }
    assert levels["faint"] < 0.9 * levels["standard"]


def test_other_lines_are_others():
    assert not {line.name for line in WORLDS["lines"].lines} & {line.name for line in STANDARD.lines}


def test_an_unknown_world_is_refused():
    with pytest.raises(InputError, match="no world 'atlas'; choose one of standard, kinder"):
        world_named("atlas")
