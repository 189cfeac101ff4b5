from pathlib import Path

import numpy as np
import pytest
import torch

from hpa.segmenters.hpa_cell.network import HpaCellNetwork, empty_network, published_name, published_shapes
from tests.segmenters.hpa_cell.weight_formula import uniform, weight


def filled(starts: tuple[str, ...]) -> HpaCellNetwork:
    """The network with formula weights where a published name begins with one of `starts`, else without any."""
    network = empty_network()
    own = {
        name: weight(published_name(name), tuple(value.shape))
        for name, value in network.state_dict().items()
        if published_name(name).startswith(starts)
    }
    network.load_state_dict(own, strict=False, assign=True)
    return network


def test_the_weight_formula_gives_its_check_values() -> None:
    np.testing.assert_allclose(uniform("final.0.bias", 3), [0.16333694519455, 0.04897275461660, 0.83063298434182])
    first = weight("encoder_stages.0.0.weight", (64, 3, 7, 7))
    np.testing.assert_allclose(first.ravel()[:3], [0.04406306, -0.00375240, -0.01209040], rtol=1e-6)


def test_names_and_size_are_those_of_the_publication(cases: Path) -> None:
    shapes = published_shapes(empty_network())
    expected = np.load(cases / "network_expected.npz")
    assert sorted(shapes) == sorted(expected["weight_keys"].tolist())
    learnt = [shape for name, shape in shapes.items() if name.endswith((".weight", ".bias"))]
    assert sum(int(np.prod(shape)) for shape in learnt) == 139_108_867


def test_stem_and_first_stage_compute_the_expected_maps(cases: Path) -> None:
    expected = np.load(cases / "network_expected.npz")
    network = filled(("encoder_stages.0.", "encoder_stages.1."))
    taps = network.taps(torch.from_numpy(expected["input"]))
    for stage, total in enumerate((35040.492, 149764.073)):
        tap = next(taps).double()
        np.testing.assert_allclose(tap.mean((0, 2, 3)), expected[f"chmean/encoder_stages.{stage}"], atol=1e-5)
        assert float(tap.abs().sum()) == pytest.approx(total, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["", "_32"])
def test_logits_are_those_of_the_original(cases: Path, size: str) -> None:
    expected = np.load(cases / "network_expected.npz")
    network = filled(("",))
    with torch.inference_mode():
        logits = network(torch.from_numpy(expected[f"input{size}"]))
    np.testing.assert_allclose(logits, expected[f"logits{size}"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(logits.softmax(1), expected[f"softmax{size}"], atol=1e-4, rtol=0)
