import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hpa.core.errors import InputError
from hpa.interfaces import Instances, PixelBatch, PixelModel
from hpa.losses.flow import FlowLoss
from hpa.metrics.segmentation import count_image
from hpa.models.target.flows import FlowTarget
from hpa.models.unet import UnetModel
from tests.discs import discs
from tests.roles import assert_fills

SMALL = {"architecture": "unet", "encoder": "resnet18", "decoder": {"decoder_channels": [32, 16, 16, 8, 8]}}


def target() -> FlowTarget:
    return FlowTarget(0.5, 0.4, 4)


def model_of(**changes) -> UnetModel:
    keys = {**SMALL, "target": target(), "weights": None, "channel_count": 1, "class_count": 1}
    return UnetModel(**(keys | changes))


def batch_of(height: int, width: int, channels: int = 1, count: int = 1) -> PixelBatch:
    return PixelBatch(
        images=torch.rand(count, channels, height, width),
        targets=torch.zeros(count, 3, height, width),
        label_maps=torch.zeros(count, height, width, dtype=torch.int32),
        instance_classes=tuple(torch.zeros(0, dtype=torch.int64) for _ in range(count)),
        image_row=torch.arange(count),
    )


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 70), (20, 300), (1, 1)])
def test_every_pixel_of_any_size_gets_its_planes(height, width):
    model = model_of().eval()
    assert_fills(model, PixelModel)
    with torch.inference_mode():
        output = model(batch_of(height, width))
    assert output.logits.shape == (1, 3, height, width)
    assert len(model.instances(output)) == 1


def test_features_are_the_mean_of_the_deepest_map():
    model = model_of().eval()
    batch = batch_of(64, 96, count=2)
    with torch.inference_mode():
        output = model(batch)
        deepest = model.network.encoder(batch.images)[-1]
    assert output.features.shape == (2, model.feature_count)
    torch.testing.assert_close(output.features, deepest.mean(dim=(2, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["tu-convnext_atto", "mit_b0", "efficientnet-b0"])
@pytest.mark.parametrize("architecture", ["unet", "fpn", "unetplusplus"])
def test_encoders_of_any_family_and_channel_count(architecture, encoder):
    if architecture == "unetplusplus" and encoder != "efficientnet-b0":
        pytest.skip("U-Net++ needs an encoder of five stages")
    model = model_of(architecture=architecture, encoder=encoder, decoder={}, channel_count=4).eval()
    with torch.inference_mode():
        assert model(batch_of(64, 96, channels=4)).logits.shape == (1, 3, 64, 96)


def test_encoder_weights_come_from_a_local_file(tmp_path):
    donor = model_of(channel_count=3)
    state = {name: value.contiguous() for name, value in donor.network.encoder.state_dict().items()}
    save_file(state | {"fc.weight": torch.zeros(10, 512)}, tmp_path / "encoder.safetensors")
    model = model_of(weights=str(tmp_path / "encoder.safetensors"))
    own = model.network.encoder.state_dict()
    torch.testing.assert_close(own["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])
    grey = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(
        torch.nn.functional.conv2d(grey, own["conv1.weight"]),
        torch.nn.functional.conv2d(grey.repeat(1, 3, 1, 1), state["conv1.weight"]),
        atol=1e-5,
        rtol=1e-4,
    )
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="missing"):
        model_of(weights=str(tmp_path / "other.safetensors"))


def test_the_licence_of_published_mix_transformers_is_named_where_weights_are_read(tmp_path, caplog):
    words = {"architecture": "segformer", "encoder": "mit_b0", "decoder": {}, "channel_count": 3}
    donor = model_of(**words)
    assert not caplog.records
    state = {name: value.contiguous() for name, value in donor.network.encoder.state_dict().items()}
    save_file(state, tmp_path / "mit.safetensors")
    model_of(**words, weights=str(tmp_path / "mit.safetensors"))
    assert "non-commercial use only" in caplog.text


def test_what_cannot_be_built_is_refused():
    with pytest.raises(InputError, match="architecture"):
        model_of(architecture="nonet")
    with pytest.raises(InputError, match="encoder"):
        model_of(encoder="resnet17")
    with pytest.raises(InputError, match="one class"):
        model_of(class_count=19)
    with pytest.raises(InputError, match="channels"):
        model_of()(batch_of(32, 32, channels=3))


@pytest.mark.slow
def test_it_learns_discs():
    torch.manual_seed(0)
    model, loss = model_of(), FlowLoss(0.5, 1.0)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    drawn = [discs(64, 8, seed) for seed in range(8)]
    images = torch.stack([torch.from_numpy(picture / 255).float()[None] for picture, _ in drawn])
    planes = [model.target.planes(Instances(one, np.zeros(one.max(), np.int64))) for _, one in drawn]
    targets = torch.from_numpy(np.stack(planes))
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(model.planes(images), targets)
        value.backward()
        optimizer.step()
    model.eval()
    picture, truth = discs(64, 8, 100)
    with torch.inference_mode():
        logits = model.planes(torch.from_numpy(picture / 255).float()[None, None])
    found = model.target.read(logits[0].numpy())
    assert count_image(found.label_map, truth).at[0].average_precision > 0.6
