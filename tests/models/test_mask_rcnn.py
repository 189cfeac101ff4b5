from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from hpa.config import build, plain
from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, PixelModel
from hpa.metrics.segmentation import count_image
from hpa.models.mask_rcnn import MaskRcnnModel
from tests.models.drawn_discs import disc_batch, empty_batch, truth_of
from tests.roles import assert_fills

CONFIG = Path(__file__).parents[2] / "conf" / "model" / "mask_rcnn.yaml"
TERMS = {"objectness", "proposals", "classes", "boxes", "masks"}
SMALL = {
    "backbone": "test_resnet",
    "width": 32,
    "proposals": {"max_before_nms": 400, "max_after_nms": 600, "max_after_nms_training": 200},
    "detections": {"proposals_per_image": 96},
}


def small_model(channel_count: int = 1, class_count: int = 2, **changed) -> MaskRcnnModel:
    config = OmegaConf.merge(OmegaConf.load(CONFIG), SMALL, changed)
    return build(plain(config), channel_count=channel_count, class_count=class_count)


def train_discs(model: MaskRcnnModel, steps: int) -> list[float]:
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=3e-3)
    losses = []
    for step in range(steps):
        loss = sum(model(disc_batch(step, images=2, rows=5, columns=5)).losses.values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.inference_mode()
def everything_found(model: MaskRcnnModel, batch: PixelBatch) -> list[dict[str, torch.Tensor]]:
    """Return what an untrained model finds when no score is too low."""
    model.eval().network.roi_heads.score_thresh = 0.0
    return model(batch).instances


def test_it_is_a_pixel_model_without_planes():
    model = small_model()
    assert_fills(model, PixelModel)
    assert model.target.plane_count == 0


@pytest.mark.slow
def test_a_few_steps_bring_the_loss_down():
    losses = train_discs(small_model(), 8)
    assert sum(losses[-2:]) < 0.7 * sum(losses[:2])


@pytest.mark.thorough
def test_it_finds_more_than_a_hundred_instances_and_their_classes():
    model = small_model()
    train_discs(model, 60)
    batch = disc_batch(999, images=1, rows=12, columns=12)
    with torch.inference_mode():
        found = model.instances(model.eval()(batch))[0]
    truth = truth_of(batch, 0)
    counts = count_image(found.label_map, truth.label_map)
    assert counts.true == 144
    assert counts.at[0].true_positives > 125
    assert counts.at[0].average_precision > 0.85
    bright = [batch.images[0, 0].numpy()[found.label_map == n].mean() > 0.65 for n in range(1, counts.predicted + 1)]
    assert (found.classes == bright).mean() > 0.9


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize(("height", "width"), [(60, 400), (33, 20), (96, 96)])
def test_any_size_and_number_of_channels(channels, height, width):
    model = small_model(channels, class_count=3, detections={"max_instances": 40})
    batch = empty_batch(images=2, height=height, width=width, channels=channels)
    batch.label_maps[0, 3:9, 4:12] = 1
    batch.instance_classes = (torch.tensor([2]), batch.instance_classes[1])
    assert set(model.train()(batch).losses) == TERMS
    found = everything_found(model, batch)
    assert len(found) == 2
    for one in found:
        assert one["size_px"].tolist() == [height, width]
        assert one["boxes"].min() >= 0
        assert (one["boxes"][:, 2:].amax(0) <= torch.tensor([width, height])).all()
        assert 0 <= one["classes"].min() <= one["classes"].max() < 3
        assert one["scores"].diff().max() <= 0
    assert [one.label_map.shape for one in model.instances(model(batch))] == [(height, width)] * 2


def test_images_without_instances_train_background_alone():
    model = small_model().train()
    losses = model(empty_batch(images=2, height=64, width=64, channels=1)).losses
    assert all(math.isfinite(value.item()) for value in losses.values())
    assert losses["masks"].item() == losses["boxes"].item() == losses["proposals"].item() == 0
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_single_pixels_and_instances_cut_away_by_a_tile_are_no_trouble():
    model = small_model().train()
    batch = empty_batch(images=1, height=64, width=64, channels=1)
    batch.label_maps[0, 63, 63] = 1
    batch.label_maps[0, 0, 10:40] = 3  # number 2 is not in the tile
    batch.instance_classes = (torch.tensor([0, 1, 1]),)
    losses = model(batch).losses
    assert all(math.isfinite(value.item()) for value in losses.values())


def test_an_empty_output_is_an_empty_label_map():
    model = small_model(detections={"min_score": 1.0}).eval()
    found = model.instances(model(empty_batch(images=1, height=40, width=50, channels=1)))[0]
    assert found.label_map.shape == (40, 50)
    assert not found.label_map.any()
    assert len(found.classes) == len(found.scores) == 0


def test_half_precision_trains_and_paints():
    model, batch = small_model(detections={"max_instances": 40}), disc_batch(0, images=2, rows=4, columns=4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = sum(model.train()(batch).losses.values())
        found = everything_found(model, batch)
        painted = model.instances(model(batch))
    assert math.isfinite(loss.item())
    assert all(one[name].dtype == torch.float32 for one in found for name in ("boxes", "scores", "masks"))
    assert len(painted) == 2


def test_results_have_the_size_of_boxes_whatever_the_size_of_the_image():
    model = small_model(detections={"max_instances": 40})
    for side_px in (64, 256):
        (found,) = everything_found(model, empty_batch(images=1, height=side_px, width=side_px, channels=1))
        instances = len(found["scores"])
        assert instances == 40
        assert found["masks"].shape == (instances, 28, 28)
        assert sum(value.nbytes for value in found.values()) < 4000 * instances


def test_images_are_seen_as_they_are():
    model = small_model().eval()
    with torch.inference_mode():
        seen = []
        handle = model.network.backbone.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0]))
        batch = empty_batch(images=1, height=50, width=70, channels=1)
        model(batch)
        handle.remove()
    assert seen[0].shape == (1, 1, 64, 96)  # whole strides, black beyond the image
    assert torch.equal(seen[0][:, :, :50, :70], batch.images)
    assert not seen[0][:, :, 50:].any()


def test_another_number_of_channels_is_refused():
    with pytest.raises(InputError, match=r"4 channels, the images have 1.*data\.channels"):
        small_model(4)(empty_batch(images=1, height=32, width=32, channels=1))


def test_an_instance_without_a_class_is_refused():
    batch = empty_batch(images=1, height=64, width=64, channels=1)
    batch.label_maps[0, :4] = 2
    batch.instance_classes = (torch.tensor([0]),)
    with pytest.raises(InputError, match=r"instance 2, but classes are given for 1"):
        small_model().train()(batch)
