import pytest
import torch

from hpa.core.errors import InputError
from hpa.inference.precision import CPU_INFO, autocast, choose_device, choose_precision, multiplies_bf16


def test_auto_takes_the_gpu_where_there_is_one():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_named_device_is_taken():
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_a_device_that_is_not_there_is_an_input_error(name):
    with pytest.raises(InputError, match="device=auto"):
        choose_device(name)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_product_is_computed_in_the_precision(precision, dtype):
    with autocast(torch.device("cpu"), precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_an_unknown_precision_is_an_input_error():
    with pytest.raises(InputError, match="fp32, bf16, fp16"):
        autocast(torch.device("cpu"), "16")


@pytest.mark.parametrize(
    ("name", "device", "expected"), [("fp32", "cuda", "fp32"), ("auto", "cuda", "fp16"), ("bf16", "cpu", "bf16")]
)
def test_auto_is_half_on_a_gpu(name, device, expected):
    assert choose_precision(name, torch.device(device)) == expected


def test_auto_on_a_cpu_goes_by_its_instructions():
    expected = "bf16" if multiplies_bf16(CPU_INFO) else "fp32"
    assert choose_precision("auto", torch.device("cpu")) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 clzero\n", True),
        ("flags\t\t: fpu avx512f avx512_bf16x clzero\n", False),
        ("", False),
        (None, False),
    ],
)
def test_instructions_are_read_by_their_whole_name(tmp_path, told, expected):
    path = tmp_path / "cpuinfo"
    if told is not None:
        path.write_text(told)
    assert multiplies_bf16(path) is expected


def test_a_misspelt_precision_is_told_with_the_choices():
    with pytest.raises(InputError, match="auto, fp32, bf16, fp16"):
        choose_precision("half", torch.device("cpu"))
