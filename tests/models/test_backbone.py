from __future__ import annotations

import socket

import pytest
import timm
import torch
from huggingface_hub import constants

from hpa.core.errors import InputError
from hpa.models import timm_weights
from hpa.models.backbone import TimmBackbone

ANY_SIDE = ["test_resnet", "test_vit.r160_in1k", "test_convnext.r160_in1k", "test_nfnet.r160_in1k", "test_efficientnet"]
ONE_SIDE = ["test_vit_relpos", "test_coatnet", "levit_128s"]
LARGER = [
    "resnet18",
    "convnext_atto",
    "eca_nfnet_l0",
    "efficientnet_b0",
    "swin_tiny_patch4_window7_224",
    "densenet121",
    "inception_v3",
    "mobilenetv3_small_100",
    "dm_nfnet_f0",
    "vit_small_patch16_224",
    "vit_small_patch14_dinov2",
]


def backbone(name: str = "test_resnet", channels: int = 4, **settings) -> TimmBackbone:
    defaults = {"weights": None, "pretrained": False, "drop_path_rate": 0.0, "side_px": None}
    return TimmBackbone(name, channels, **(defaults | settings)).eval()


@pytest.mark.parametrize("name", ANY_SIDE)
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_families_take_any_channels_and_sides(name, channels):
    model = backbone(name, channels)
    assert model.side_px is None
    for side_px in (64, 96, 160):
        assert model(torch.rand(2, channels, side_px, side_px)).shape == (2, model.feature_count)


@pytest.mark.parametrize("name", ONE_SIDE)
def test_families_of_one_side_see_resized_pictures(name):
    model = backbone(name)
    assert model.side_px == model.native_px
    assert model(torch.rand(2, 4, 50, 70)).shape == (2, model.feature_count)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGER)
def test_larger_families_train_a_step(name):
    model = backbone(name).train()
    model(torch.rand(2, 4, 96, 96)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_a_given_side_is_what_the_network_sees():
    model = backbone(side_px=64)
    picture, plain = torch.rand(2, 4, 64, 64), torch.rand(2, 4, 1, 1)
    assert torch.equal(model(picture), model.network(picture))
    expected = model.network(plain.expand(2, 4, 64, 64))
    for size in ((128, 128), (32, 32), (40, 90)):
        assert torch.allclose(model(plain.expand(2, 4, *size)), expected, atol=1e-5)


@pytest.mark.parametrize("setting", [{"weights": "file"}, {}])
def test_weights_make_two_networks_the_same(setting, tmp_path):
    source = timm.create_model("test_resnet", in_chans=4, num_classes=3)
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    weights = str(tmp_path / "weights.pth") if setting else None
    picture = torch.rand(2, 4, 64, 64)
    with torch.inference_mode():
        pooled = source.eval().forward_head(source.forward_features(picture), pre_logits=True)
        assert torch.allclose(backbone(weights=weights)(picture), pooled, atol=1e-5) == bool(setting)


def test_stochastic_depth_makes_training_random_and_evaluation_not():
    model, picture = backbone("test_convnext", drop_path_rate=0.5), torch.rand(8, 4, 64, 64)
    assert torch.equal(model(picture), model(picture))
    model.train()
    assert not torch.equal(model(picture), model(picture))


def test_building_leaves_the_network_ready_to_train():
    settings = {"weights": None, "pretrained": False, "drop_path_rate": 0.0, "side_px": None}
    model = TimmBackbone("test_resnet", 4, **settings)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnet19"}, r"nearest names: .*resnet18"),
        ({"name": "resnet18.nothing"}, r"nearest names: .*resnet18\.a1_in1k"),
        ({"name": "qqqqqqqq"}, r"has no 'qqqqqqqq'\. timm"),
        ({"name": "levit_128s", "side_px": 100}, r"write model\.side_px=224"),
        ({"name": "densenet121", "drop_path_rate": 0.1}, r"write model\.drop_path_rate=0"),
        ({"weights": "absent.pth"}, r"no file 'absent\.pth'"),
        ({"weights": "absent.pth", "pretrained": True}, "exclude each other"),
        ({"name": "test_nfnet", "pretrained": True}, r"write model\.weights=FILE"),
    ],
)
def test_what_cannot_be_built_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        backbone(**settings)


@pytest.mark.parametrize("kind", ["no server", "a server", "a proxy"])
def test_published_weights_are_only_requested_from_a_server_that_answers(monkeypatch, kind):
    requested = []

    def create(name, **options):
        requested.append(not constants.HF_HUB_OFFLINE)
        raise OSError("nothing here")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if kind != "a server":
            server.close()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(timm_weights, "getproxies", lambda: {"https": "there"} if kind == "a proxy" else {})
        monkeypatch.setattr(timm_weights.timm, "create_model", create)
        with pytest.raises(InputError, match=r"write model\.weights=FILE.*nothing here"):
            timm_weights.published_weights("resnet18")
    assert requested == [kind != "no server"]
    assert constants.HF_HUB_OFFLINE is False


def test_the_last_patch_is_filled_up():
    model, picture = backbone("test_vit"), torch.rand(1, 4, 72, 72)
    filled = torch.nn.functional.pad(picture, (0, 8, 0, 8))
    assert torch.allclose(model(picture), model(filled), atol=1e-5)
