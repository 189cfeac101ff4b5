import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from hpa.reports.outlined_images import outlined_images


def picture_of(view):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(view.picture.split(",")[1]))))


def test_every_image_is_shown_that_of_the_lowest_loss_first_then_from_the_highest_on(facts_with, facts):
    probabilities = np.full_like(facts.probabilities, 0.5)
    probabilities[6:12] = np.where(facts.cell_targets[6:12] > 0, 0.9, 0.1)
    probabilities[12:] = np.where(facts.cell_targets[12:] > 0, 0.1, 0.9)
    views = outlined_images(facts_with(probabilities=probabilities))
    assert [(view.heading, view.image_id) for view in views] == [
        ("Lowest loss (0.105)", "image1"),
        ("Highest loss (2.303)", "image2"),
        ("Loss (0.693)", "image0"),
    ]


def test_one_image_is_shown_once(facts_with, facts):
    only = facts.cells["image_id"] == "image2"
    views = outlined_images(
        facts_with(
            cells=facts.cells[only].reset_index(drop=True),
            probabilities=facts.probabilities[only],
            image_targets=facts.image_targets[only],
            cell_targets=facts.cell_targets[only],
        )
    )
    assert [view.image_id for view in views] == ["image2"]
    assert picture_of(views[0]).max() > 150  # 16 bit


def test_every_cell_is_annotated_at_its_position(facts):
    for view in outlined_images(facts):
        cells = facts.field_of(view.image_id).segmentation.cells
        assert [note.cell for note in view.notes] == [1, 2, 3, 4, 5, 6]
        for note in view.notes:
            row, column = int(note.top / 100 * cells.shape[0]), int(note.left / 100 * cells.shape[1])
            assert cells[row, column] == note.cell


def test_notes_name_the_most_probable_classes_and_the_ground_truth(facts):
    view = outlined_images(facts)[0]
    first = np.flatnonzero(facts.cells["image_id"] == view.image_id)[0]
    note = view.notes[0]
    confidences = [prediction.confidence for prediction in note.predictions]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] == pytest.approx(float(facts.probabilities[first].max()))
    assert {name for name, _ in note.truth} == {
        facts.class_names[index] for index in np.flatnonzero(facts.cell_targets[first])
    }
    assert all(
        prediction.is_correct == (prediction.name in {name for name, _ in note.truth})
        for prediction in note.predictions
    )


def test_outlines_have_the_colour_of_the_most_probable_class(facts_with, facts):
    probabilities = np.zeros_like(facts.probabilities)
    probabilities[:, 0] = 0.9
    view = outlined_images(facts_with(probabilities=probabilities))[0]
    edge = picture_of(view)[80:270, 56].mean(axis=0)  # left edge of cell 1, enlarged 1000 / 90 times
    assert np.abs(edge - ImageColor.getrgb(facts.class_styles[0].colour)).max() < 60  # WebP softens a thin line


def test_a_cell_without_prediction_is_outlined_but_not_annotated(facts_with, facts):
    keep = (facts.cells["cell"] != 2).to_numpy()
    views = outlined_images(
        facts_with(
            cells=facts.cells[keep].reset_index(drop=True),
            probabilities=facts.probabilities[keep],
            image_targets=facts.image_targets[keep],
            cell_targets=facts.cell_targets[keep],
        )
    )
    assert [note.cell for note in views[0].notes] == [1, 3, 4, 5, 6]


def test_the_scale_bar_is_a_round_length_of_the_right_size(facts):
    text, percent = outlined_images(facts)[0].scale_bar
    length_um = float(text.removesuffix(" µm"))
    assert length_um == 5
    assert percent == pytest.approx(100 * length_um / (90 * 0.32), abs=0.01)


def test_images_of_any_size_are_shown_at_one_width(facts_with, facts):
    from dataclasses import replace

    def enlarged(image_id):
        field = facts.field_of(image_id)
        return replace(
            field,
            field=replace(field.field, pixels=field.field.pixels.repeat(20, 1).repeat(20, 2)),
            segmentation=replace(field.segmentation, cells=field.segmentation.cells.repeat(20, 0).repeat(20, 1)),
        )

    view = outlined_images(facts_with(field_of=enlarged))[0]
    assert (view.width_px, view.height_px) == (1000, 667)
    assert picture_of(view).shape == (667, 1000, 3)
    assert "1800 × 1200 px" in view.size


def test_without_any_cell_no_image_is_shown(facts_without_cells):
    assert outlined_images(facts_without_cells) == []


def test_of_two_classes_only_the_more_probable_is_named(facts_with, facts):
    truth = np.eye(2, dtype=np.float32)[np.arange(18) % 2]
    two = facts_with(
        class_names=("HEK", "N2a"),
        class_styles=facts.class_styles[:2],
        probabilities=np.tile(np.float32([0.7, 0.3]), (18, 1)),
        image_targets=truth,
        cell_targets=truth,
    )
    for view in outlined_images(two):
        assert [[prediction.name for prediction in note.predictions] for note in view.notes] == [["HEK"]] * 6
        assert [note.predictions[0].is_correct for note in view.notes] == [True, False] * 3
