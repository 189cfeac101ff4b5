from __future__ import annotations

from argparse import Namespace

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch.nn.functional import conv2d

from hpa.config import build
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from hpa.models.weights import adapt_first_convolution, load_weights, read_weights
from hpa.overrides import compose_config
from tests.bundle.small_run import ROOT, write_small_run


def network(channels: int = 4, name: str = "test_resnet", classes: int = 0):
    return timm.create_model(name, in_chans=channels, num_classes=classes).eval()


@pytest.fixture
def published() -> dict[str, torch.Tensor]:
    """Weights as they are published: three channels, a classifier."""
    return network(3, classes=7).state_dict()


@given(st.integers(1, 6), st.integers(1, 6))
def test_a_grey_picture_answers_as_before(own, channels):
    if own == 3 < channels:
        channels = 2  # yellow is no mean of all three
    filters, grey = torch.randn(8, own, 3, 3), torch.rand(1, 1, 16, 16)
    before = conv2d(grey.expand(1, own, 16, 16), filters)
    after = conv2d(grey.expand(1, channels, 16, 16), adapt_first_convolution(filters, channels))
    assert torch.allclose(before, after, atol=1e-4)


def test_yellow_is_the_mean_of_red_and_green():
    red, green, blue = torch.randn(3, 8, 3, 3)
    adapted = adapt_first_convolution(torch.stack([red, green, blue], dim=1), 4)
    expected = [red * 0.75, green * 0.75, blue * 0.75, (red + green) * 0.375]
    assert torch.allclose(adapted, torch.stack(expected, dim=1))


@given(st.integers(1, 8), st.integers(0, 10_000))
def test_the_response_keeps_its_size(channels, seed):
    generator = torch.Generator().manual_seed(seed)
    # Filters and channels that are alike, as learnt filters and stains of one cell are.
    filters = torch.randn(16, 1, 5, 5, generator=generator) + 0.3 * torch.randn(16, 3, 5, 5, generator=generator)
    picture = torch.rand(1, 1, 32, 32, generator=generator) + 0.3 * torch.rand(1, 8, 32, 32, generator=generator)
    before = conv2d(picture[:, :3], filters).std()
    after = conv2d(picture[:, :channels], adapt_first_convolution(filters, channels)).std()
    assert 0.7 < after / before < 1.4


@pytest.mark.parametrize("own", [1, 3, 4])
def test_a_file_of_as_many_channels_stays_and_of_fewer_leads(own):
    filters = torch.randn(2, own, 1, 1)
    assert torch.equal(adapt_first_convolution(filters, own), filters)
    assert torch.allclose(adapt_first_convolution(filters, 6)[:, :own], filters * own / 6)


@pytest.mark.parametrize("own", [1, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_files_of_any_channels_fill_networks_of_any(own, channels):
    source, target = network(own, classes=5), network(channels)
    load_weights(target, source.state_dict(), "test_resnet", "the file")
    assert target.conv1[0].weight.shape[1] == channels
    assert torch.equal(target.layer1[0].conv1.weight, source.layer1[0].conv1.weight)


def test_a_checkpoint_of_self_distillation_gives_its_teacher(tmp_path):
    teacher, student = (network(4, "test_vit").state_dict() for _ in range(2))
    content = {
        "student": {f"module.backbone.{key}": value for key, value in student.items()},
        "teacher": {f"module.backbone.{key}": value for key, value in teacher.items()}
        | {"module.head.mlp.0.weight": torch.ones(2, 2)},
        "epoch": 7,
        "args": Namespace(arch="vit_base", patch_size=16),
    }
    torch.save(content, tmp_path / "checkpoint.pth")
    target = network(4, "test_vit")
    load_weights(target, read_weights(tmp_path / "checkpoint.pth"), "test_vit", "the file")
    for key, value in target.state_dict().items():
        assert torch.equal(value, teacher[key]), key


@pytest.mark.parametrize("kind", ["safetensors", "pth", "wrapped", "parallel"])
def test_files_of_every_kind_give_the_same_network(kind, published, tmp_path):
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "safetensors":
        save_file(published, path)
    elif kind == "pth":
        torch.save(published, path)
    elif kind == "wrapped":
        torch.save({"state_dict": published, "epoch": 3}, path)
    else:
        torch.save({f"module.{key}": value for key, value in published.items()}, path)
    target = network(4)
    load_weights(target, read_weights(path), "test_resnet", "the file")
    for key, value in target.state_dict().items():
        if key != "conv1.0.weight":
            assert torch.equal(value, published[key]), key
    assert torch.equal(target.conv1[0].weight[:, :3], published["conv1.0.weight"] * 0.75)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_nfnet", "test_efficientnet"])
def test_three_channels_of_each_family_load_unchanged(name):
    source, target = network(3, name, classes=5), network(3, name)
    load_weights(target, source.state_dict(), name, "the file")
    picture = torch.rand(2, 3, 160, 160)
    with torch.inference_mode():
        pooled = source.forward_head(source.forward_features(picture), pre_logits=True)
        assert torch.allclose(target(picture), pooled, atol=1e-6)


def test_what_does_not_fit_is_named(published):
    del published["layer1.0.conv1.weight"]
    published["layer9.weight"] = torch.ones(1)
    published["bn1.weight"] = torch.ones(3)
    with pytest.raises(InputError) as raised:
        load_weights(network(), published, "test_resnet", "'file.pth'")
    for part in ("missing: layer1.0.conv1.weight", "unknown: layer9.weight", "bn1.weight (3,)", "file.pth"):
        assert part in str(raised.value)


def test_another_architecture_is_named_in_short(published):
    with pytest.raises(InputError, match=r"missing: .* and \d+ more; unknown: .* and \d+ more") as raised:
        load_weights(network(4, "test_vit"), published, "test_vit", "the file")
    assert len(str(raised.value)) < 600


class Pickled:
    """Anything that would run code when it is loaded."""


@pytest.mark.parametrize("content", [Pickled(), [1, 2], {"weight": 3}])
def test_what_is_no_state_dict_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"state dict"):
        read_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", bytes(range(256)) * 9])
def test_broken_files_are_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as plain tensors"):
        read_weights(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_weights(tmp_path / "absent.pth")


@pytest.mark.parametrize("named", ["run", "run/checkpoints/best.ckpt"])
def test_a_run_of_crops_starts_a_network_of_whole_fields(tmp_path, named):
    run = write_small_run(tmp_path / "run")
    trained = read_saved_run(run).weights
    words = ["model=tiny", "model/view=whole_image", "model.decoder_width=null", f"model.weights={tmp_path / named}"]
    config = OmegaConf.to_container(compose_config(ROOT, "train", words), resolve=True)
    state = build(config["model"], channel_count=4, class_count=19).state_dict()
    started = [key for key in state if key.startswith("maps.network.")]
    assert len(started) > 10
    for key in started:
        assert torch.equal(state[key], trained["backbone." + key.removeprefix("maps.")])


def test_a_run_that_is_none_of_cells_is_refused(tmp_path):
    run = write_small_run(tmp_path / "run")
    file = run / "checkpoints" / "best.ckpt"
    content = torch.load(file, weights_only=True)
    torch.save(content | {"state_dict": {"model.encoder.weight": torch.ones(1)}}, file)
    with pytest.raises(InputError, match="a run without a backbone"):
        read_weights(run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no epoch was finished here"):
        read_weights(tmp_path / "empty")
