from pathlib import Path

import pytest
import torch

import hpa.device
from hpa.core.errors import InputError
from hpa.device import CPU_INFO, autocast, choose_device, choose_precision, multiplies_bf16


def test_auto_takes_the_gpu_where_there_is_one():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_named_device_is_taken():
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "tpu", ""])
def test_a_device_that_is_not_there_is_an_input_error(name):
    with pytest.raises(InputError, match=r"segmenter\.device=auto"):
        choose_device(name, "segmenter.device")


def test_the_name_that_lightning_gives_a_gpu_is_the_gpu(monkeypatch):
    """`trainer.accelerator=gpu` must not predict the held-out images on the CPU, nor `device=gpu` anything."""
    tried = []
    monkeypatch.setattr(torch, "empty", lambda *size, device: tried.append(device))
    assert choose_device("gpu", "trainer.accelerator") == torch.device("cuda") == tried[0]


def test_no_other_module_chooses_a_device():
    """Two places once chose differently, so that held-out tissue was predicted on the CPU beside an idle GPU."""
    package = Path(hpa.device.__file__).parent
    others = [path for path in package.rglob("*.py") if path != Path(hpa.device.__file__)]
    assert not [path for path in others if "cuda.is_available" in path.read_text(encoding="utf-8")]
    for path in package.glob("**/*results*.py"):
        assert (
            "accelerator" not in path.read_text()
            or 'choose_device(config["trainer"]["accelerator"]' in path.read_text()
        )


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_product_is_computed_in_the_precision(precision, dtype):
    with autocast(torch.device("cpu"), precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_an_unknown_precision_is_an_input_error():
    with pytest.raises(InputError, match="fp32, bf16, fp16"):
        autocast(torch.device("cpu"), "16")


@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("fp32", "cuda", "fp32"),
        ("auto", "cuda", "fp16"),
        ("bf16", "cpu", "bf16"),
        ("16-mixed", "cuda", "fp16"),
        ("bf16-mixed", "cpu", "bf16"),
        ("32", "cpu", "fp32"),
    ],
)
def test_auto_is_half_on_a_gpu(name, device, expected):
    assert choose_precision(name, torch.device(device)) == expected


def test_auto_on_a_cpu_goes_by_its_instructions():
    expected = "bf16" if multiplies_bf16(CPU_INFO) else "fp32"
    assert choose_precision("auto", torch.device("cpu")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 clzero\n", True),
        ("flags\t\t: fpu avx512f avx512_bf16x clzero\n", False),
        ("", False),
        (None, False),
    ],
)
def test_instructions_are_read_by_their_whole_name(tmp_path, text, expected):
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    assert multiplies_bf16(path) is expected


def test_a_misspelt_precision_is_text_with_the_choices():
    with pytest.raises(InputError, match="auto, fp32, bf16, fp16"):
        choose_precision("half", torch.device("cpu"))
