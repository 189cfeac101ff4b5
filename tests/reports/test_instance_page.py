import re
from dataclasses import replace

import numpy as np
import pandas as pd

from hpa.reports.instance_page import SHOWN, InstanceFacts, write_instance_page
from hpa.reports.overlays import COLUMNS, GAP_PX, SIDE_PX, grid_of_images, instances_overlay
from tests.discs import discs


def facts_of(images: int, epochs: int = 3) -> InstanceFacts:
    history = pd.DataFrame({"epoch": range(1, epochs + 1), "train_loss": 1.0, "val_loss": 0.5, "val_ap50": 0.4})
    scores = {"true": 8, "predicted": 9, "ap50": np.linspace(1, 0, images), "ap75": 0.25, "map": 0.2}
    return InstanceFacts(
        title="<run>",
        command="python train.py a=<b>",
        config_text="seed: 0",
        history=history.assign(val_map=0.2, seconds=60.0),
        images=pd.DataFrame({"image_id": [f"image_{row}" for row in range(images)], **scores}),
        picture_of=lambda image_id: np.full((40, 60, 3), 90, np.uint8),
        best_epoch=2,
        seed=0,
        commit=None,
    )


def test_the_page_stands_alone_and_shows_the_worst_first(tmp_path):
    write_instance_page(tmp_path / "report.html", facts_of(40))
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://(?!www\.w3\.org)|<script", page)
    assert "&lt;run&gt;" in page
    shown = re.findall(r"<br>(image_\d+)", page)
    assert len(shown) == SHOWN
    assert (shown[0], shown[-1]) == ("image_39", "image_0")
    assert page.count("data:image/webp") == SHOWN
    assert "<dd>360</dd>" in page.replace(",", "")  # 40 images of 9 found


def test_tissue_is_ranked_by_dice_and_shown_by_organ(tmp_path):
    facts = facts_of(30)
    organs = ["kidney", "lung", "spleen"] * 10
    dice = np.linspace(0.2, 0.9, 30)
    images = facts.images.assign(organ=organs, dice=dice)
    write_instance_page(
        tmp_path / "report.html", replace(facts, images=images, history=facts.history.assign(val_dice=0.5))
    )
    page = (tmp_path / "report.html").read_text()
    named = re.findall(r"<strong>(\w+) · Dice 0\.\d\d</strong>", page)
    assert named == ["kidney"] * 8 + ["lung"] * 8 + ["spleen"] * 8
    shown = [int(number) for number in re.findall(r"<br>image_(\d+)", page)]
    assert len(shown) == SHOWN
    assert shown[:8] == sorted(shown[:8])  # kidney, from the worst on
    assert {number % 3 for number in shown[:8]} == {0}
    assert f"kidney · Dice {dice[0]:.2f}" in page
    assert "Mean average precision" not in page
    assert re.search(r"<dt>lung</dt><dd>0\.\d{3}</dd>", page)


def test_a_page_of_one_image_and_no_epoch(tmp_path):
    write_instance_page(tmp_path / "report.html", facts_of(1, epochs=0))
    assert "No epoch is finished" in (tmp_path / "report.html").read_text()


def test_outlines_distinguish_truth_from_prediction():
    picture, truth = np.zeros((64, 64, 3), np.uint8), discs(64, 8, 0)[1]
    half = np.where(truth <= truth.max() // 2, truth, 0)
    drawn = instances_overlay(picture, truth, half)
    missed = drawn[(truth > 0) & (half == 0)].astype(int)
    assert (missed[:, 2] >= missed[:, 0]).all()  # blue, nowhere gold
    assert missed[:, 2].max() > 150
    found = drawn[half > 0].astype(int)
    assert (found[:, 0] > found[:, 2] + 80).any()


def test_pictures_of_any_size_make_one_grid():
    pictures = [np.full((height, width, 3), 200, np.uint8) for height, width in ((10, 10), (5, 200), (300, 20), (1, 1))]
    grid = grid_of_images(pictures)
    assert grid.shape == (2 * (SIDE_PX + GAP_PX) + GAP_PX, COLUMNS * (SIDE_PX + GAP_PX) + GAP_PX, 3)
