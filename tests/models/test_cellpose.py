from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from benchmarks.cells import field_of_cells
from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from hpa.core.matching import iou_matrix
from hpa.interfaces import Instances, PixelBatch, PixelModel
from hpa.losses.flow import FlowLoss
from hpa.models.cellpose_network import published_state
from hpa.models.mask_rcnn import NoTarget
from tests.roles import assert_fills
from tests.small_cellpose import picture_state, saved

CONF = Path(__file__).parents[2] / "conf/model"
TARGET = instantiate(OmegaConf.load(CONF / "target/flows.yaml"))


def model(weights=None, channels=3, classes=1, target=TARGET):
    config = {key: value for key, value in OmegaConf.load(CONF / "cellpose.yaml").items() if key != "defaults"}
    config["weights"] = None if weights is None else str(weights)
    return build(config, target=target, channel_count=channels, class_count=classes)


def batch_of(images, label_maps):
    truths = [Instances(cells, np.zeros(cells.max(), np.int64)) for cells in label_maps]
    return PixelBatch(
        images=images,
        targets=torch.from_numpy(np.stack([TARGET.planes(truth) for truth in truths])),
        label_maps=torch.from_numpy(np.stack(label_maps)),
        instance_classes=tuple(torch.zeros(int(cells.max()), dtype=torch.int64) for cells in label_maps),
        image_row=torch.arange(len(images)),
    )


def drawn(side_px=256, count=2):
    """Images that show what the stand-in with `picture_state` repeats: flows and mask of their cells."""
    label_maps = [relabel(field_of_cells(side_px, 12, seed)) for seed in range(count)]
    planes = [TARGET.planes(Instances(cells, np.zeros(cells.max(), np.int64))) for cells in label_maps]
    images = np.stack([np.stack([(dy + 1) / 2, (dx + 1) / 2, inside]) for dy, dx, inside in planes])
    return batch_of(torch.from_numpy(images), label_maps)


@pytest.fixture
def picture_model(small_cellpose, tmp_path):
    return model(saved(picture_state(), tmp_path / "picture"))


def test_plays_the_role(picture_model):
    assert_fills(picture_model, PixelModel)


@pytest.mark.parametrize(("side_px", "count"), [(256, 2), (260, 1)])
def test_finds_the_cells_that_its_weights_mean(picture_model, side_px, count):
    batch = drawn(side_px, count)
    with torch.no_grad():
        found = picture_model.eval().instances(picture_model(batch))
    for instances, truth in zip(found, batch.label_maps.numpy(), strict=True):
        assert iou_matrix(instances.label_map, truth).max(axis=0).min() > 0.8


@pytest.mark.slow
def test_steps_of_training_change_the_weights_and_lower_the_loss(small_cellpose):
    torch.manual_seed(0)
    trained, batch, loss = model().train(), drawn(count=1), FlowLoss(0.5, 1.0)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in trained.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        value = loss(trained(batch).logits, batch.targets)
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    assert losses[-1] < losses[0]
    changed = {name for name, value in trained.state_dict().items() if not torch.equal(value, before[name])}
    kept = {name.removeprefix("network.published.") for name in before.keys() - changed}
    # the package itself never trains how it cuts patches, nor what is no weight
    patches = {"encoder.patch_embed.proj.weight", "encoder.patch_embed.proj.bias"}
    assert kept <= patches | {"W2", "diam_mean", "diam_labels"}


def test_the_package_reads_trained_weights_and_says_the_same(small_cellpose, tmp_path):
    from cellpose.models import CellposeModel as Package

    torch.manual_seed(1)
    trained = model()
    file = saved(published_state(trained.state_dict(), "network."), tmp_path / "trained")
    package = Package(pretrained_model=str(file), device=torch.device("cpu"), use_bfloat16=False)
    image = np.random.default_rng(0).random((40, 270, 3), np.float32)
    _, (_, flows, logit), _ = package.eval(image, normalize=False, compute_masks=False)
    batch = batch_of(torch.from_numpy(image.transpose(2, 0, 1))[None], [np.zeros((40, 270), np.int32)])
    with torch.no_grad():
        planes = trained.eval()(batch).logits[0].numpy()
    np.testing.assert_allclose(planes, np.concatenate([flows, logit[None]]), atol=1e-5)


def test_a_checkpoint_fills_it_without_the_file(picture_model):
    filled = model()
    filled.load_state_dict(picture_model.state_dict())
    batch = drawn(count=1)
    with torch.no_grad():
        assert torch.equal(filled.eval()(batch).logits, picture_model.eval()(batch).logits)


def test_tiles_of_another_size_are_refused_in_training(picture_model):
    with pytest.raises(InputError, match=r"tiles\.side_px=256"):
        picture_model.train()(drawn(128, count=1))


def test_what_does_not_fit_is_refused(small_cellpose):
    with pytest.raises(InputError, match="at most 3 channels"):
        model(channels=4)
    with pytest.raises(InputError, match="instances of one class"):
        model(classes=2)
    with pytest.raises(InputError, match="model/target=flows"):
        model(target=NoTarget())
    with pytest.raises(InputError, match="made for 2 channels"):
        model(channels=2)(drawn(count=1))
