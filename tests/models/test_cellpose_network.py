import sys

import numpy as np
import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.models.cellpose_network import CellposeNetwork, published_state
from tests.small_cellpose import picture_state, saved, small_state


@pytest.fixture
def picture_file(small_cellpose, tmp_path):
    return saved(picture_state(), tmp_path / "picture")


def network(weights, slot="model"):
    return CellposeNetwork(weights, slot, 0.4)


def test_tiles_give_the_planes_that_the_file_means(picture_file):
    tiles = torch.rand(2, 3, 256, 256)
    with torch.no_grad():
        planes = network(picture_file).eval()(tiles)
    expected = torch.stack([10 * tiles[:, 0] - 5, 10 * tiles[:, 1] - 5, 16 * tiles[:, 2] - 8], dim=1)
    assert torch.allclose(planes, expected, atol=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (30, 700), (256, 256), (300, 411)])
def test_images_of_any_size_are_tiled(picture_file, shape):
    images = np.random.default_rng(0).random((2, *shape, 3), np.float32)
    planes = network(picture_file).eval().planes_of(images, tiles_at_once=3)
    assert planes.shape == (2, 3, *shape)
    np.testing.assert_allclose(planes[:, 0], 10 * images[..., 0] - 5, atol=0.02)
    np.testing.assert_allclose(planes[:, 2], 16 * images[..., 2] - 8, atol=0.02)


@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_channels_are_as_if_the_others_were_dark(picture_file, channels):
    tiles = torch.rand(1, channels, 256, 256)
    dark = torch.cat([tiles, torch.zeros(1, 3 - channels, 256, 256)], dim=1)
    filled = network(picture_file).eval()
    with torch.no_grad():
        assert torch.allclose(filled(tiles), filled(dark), atol=0.02)


def test_other_tiles_are_refused(picture_file):
    with pytest.raises(InputError, match="256 px"):
        network(picture_file)(torch.zeros(1, 3, 128, 128))
    with pytest.raises(InputError, match="4 channels"):
        network(picture_file)(torch.zeros(1, 4, 256, 256))


def test_weights_come_back_under_the_names_of_the_package(picture_file):
    state = {f"network.{name}": value for name, value in network(picture_file).state_dict().items()}
    back = published_state(state | {"other.weight": torch.zeros(1)}, "network.")
    expected = picture_state()
    assert list(back) == list(expected)
    assert all(torch.equal(back[name], value) for name, value in expected.items())


def test_weights_of_parallel_training_are_the_same_weights(small_cellpose, tmp_path):
    state = small_state()
    file = saved({f"module.{name}": value for name, value in state.items()}, tmp_path / "parallel")
    back = published_state(network(file).state_dict(), "")
    assert all(torch.equal(back[name], value) for name, value in state.items())


def test_without_a_file_it_is_built_to_be_filled(small_cellpose):
    built = network(None)
    built.load_state_dict(network(None).state_dict())
    assert all(value.device.type == "cpu" for value in built.parameters())


@pytest.mark.parametrize("name", ["cyto3", "cpsam", "nuclei"])
def test_names_of_published_models_are_no_files(small_cellpose, name):
    with pytest.raises(InputError, match=rf"segmenter\.weights.*'{name}'.*nothing is downloaded"):
        network(name, "segmenter")


def test_what_is_no_file_is_refused(small_cellpose, tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        network(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        network(tmp_path / "gone.pth")


def test_pickled_code_is_never_run(small_cellpose, tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    with pytest.raises(InputError, match="pickled code is never run"):
        network(tmp_path / "module.pth")


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04torn"])
def test_torn_files_are_refused(small_cellpose, tmp_path, content):
    (tmp_path / "torn").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as plain tensors"):
        network(tmp_path / "torn")


def test_what_is_no_state_dict_is_refused(small_cellpose, tmp_path):
    with pytest.raises(InputError, match="no state dict"):
        network(saved([torch.zeros(2)], tmp_path / "list"))


def test_other_generations_are_refused_by_name(small_cellpose, tmp_path):
    old = {"downsample.down.res_down_0.conv.conv_0.0.weight": torch.zeros(2), "diam_mean": torch.zeros(1)}
    with pytest.raises(InputError, match=r"cellpose 3 or older.*segmenter=stored"):
        network(saved(old, tmp_path / "old"))
    with pytest.raises(InputError, match="DINOv3"):
        network(saved(small_state() | {"encoder.cls_token": torch.zeros(1)}, tmp_path / "dino"))


def test_weights_that_fit_in_part_are_refused_not_filled_up(small_cellpose, tmp_path):
    state = small_state()
    del state["encoder.neck.0.weight"]
    state["out.bias"] = torch.zeros(4)
    with pytest.raises(InputError, match=r"2 of \d+ layers.*(out\.bias, )?encoder\.neck\.0\.weight"):
        network(saved(state, tmp_path / "part"))


def test_small_weights_are_none_of_the_published_network(tmp_path):
    pytest.importorskip("cellpose", reason='needs pip install "hpa-cells[cellpose]"')
    with pytest.raises(InputError, match=r"does not fit Cellpose-SAM.*of 350 layers"):
        network(saved({"W2": torch.zeros(192, 3, 8, 8)}, tmp_path / "little"))


def test_a_missing_package_is_named_with_its_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cellpose.vit", None)
    with pytest.raises(InputError, match=r'pip install "hpa-cells\[cellpose\]"'):
        network(tmp_path)
