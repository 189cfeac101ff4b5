from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.interfaces import Segmenter
from hpa.segmenters.hpa_cell.segmenter import HpaCell
from tests.models.pickled_files import foreign_class, save_module
from tests.roles import assert_fills
from tests.segmenters.hpa_cell.published_file import bright_places, published_module

CONFIG = Path(__file__).parents[3] / "conf/segmenter/hpa_cell.yaml"
CHANNELS = ("red", "green", "blue", "yellow")


def segmenter(weights: Path | None, **changed: Any) -> HpaCell:
    arguments = yaml.safe_load(CONFIG.read_text())
    del arguments["_target_"]
    given = {"nuclei_weights": weights, "cell_weights": weights, "device": "cpu"}
    return HpaCell(**(arguments | given | changed))


def drawn(name: str, size: tuple[int, int], pixel_um: float, depth: type) -> tuple[Field, list[tuple[int, int]]]:
    """Cells of 10 µm radius with nuclei of 5 µm, 26 µm apart."""
    step = round(26 / pixel_um)
    centres = [(r, c) for r in range(step // 2, size[0], step) for c in range(step // 2, size[1], step)]
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.min([np.hypot(rows - row, columns - column) for row, column in centres], axis=0) * pixel_um
    pixels = np.zeros((4, *size), depth)
    pixels[2, distance < 5] = pixels[0, distance < 10] = np.iinfo(depth).max
    return Field(name, pixels, CHANNELS, pixel_um), centres


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    with foreign_class("DPNUnet") as kind:
        save_module(published_module(kind, bright_places()).eval(), folder / "net.pth", legacy=True)
    assert main(["convert-weights", str(folder / "net.pth"), str(folder / "net.safetensors")]) == 0
    return folder / "net.safetensors"


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {},
        pytest.param({"mode": "exact", "reflect_margin": False}, marks=pytest.mark.thorough),
        pytest.param(
            {"reticulum_channel": None, "edge_cells": "kept", "precision": "bf16"}, marks=pytest.mark.thorough
        ),
    ],
    ids=["default", "exact", "two stains"],
)
def test_fields_of_any_size_and_depth_are_segmented_together(weights: Path, changed: dict[str, Any]) -> None:
    chosen = segmenter(weights, fields_at_once=2, **changed)
    assert_fills(chosen, Segmenter)
    drawings = [
        drawn("a", (170, 340), 0.16, np.uint8),
        drawn("b", (90, 170), 0.32, np.uint16),
        drawn("c", (170, 340), 0.16, np.uint16),
        drawn("d", (170, 340), 0.16, np.uint8),
        drawn("e", (60, 90), 0.6, np.uint8),
    ]
    found = chosen.segment([field for field, _ in drawings])
    for (field, centres), segmentation in zip(drawings, found, strict=True):
        assert segmentation.nuclei is not None
        assert segmentation.cells.shape == segmentation.nuclei.shape == field.pixels.shape[1:]
        assert segmentation.cells.max() == len(centres)
        assert len({int(segmentation.nuclei[centre]) for centre in centres}) == len(centres)
        area_um2 = np.median(np.bincount(segmentation.cells.ravel())[1:]) * field.pixel_um**2
        assert area_um2 == pytest.approx(np.pi * 10**2, rel=0.25)


@pytest.mark.slow
def test_empty_constant_and_narrow_fields(weights: Path) -> None:
    chosen = segmenter(weights)
    fields = [Field("flat", np.full((4, 90, 130), level, np.uint8), CHANNELS, 0.16) for level in (0, 255)]
    strip, centres = drawn("strip", (60, 1400), 0.32, np.uint8)
    black, white, narrow = chosen.segment([*fields, strip])
    assert black.cells.max() == 0
    assert white.cells.max() == 1
    assert narrow.cells.max() == len(centres)


@pytest.mark.slow
def test_fingerprint_depends_on_settings_and_weights(weights: Path, tmp_path: Path) -> None:
    first = segmenter(weights).fingerprint()
    assert first == segmenter(weights, fields_at_once=1).fingerprint()
    assert first != segmenter(weights, mode="exact").fingerprint()
    assert len(first["weights"][0]) == 64


def test_missing_weights_say_what_to_get_and_what_to_use_instead() -> None:
    with pytest.raises(InputError) as raised:
        segmenter(Path("nothing.safetensors"))
    for word in (
        "segmenter.nuclei_weights",
        "hpa weights fetch hpa_nuclei",
        "Zenodo record 4665863",
        "hpa convert-weights",
        "segmenter=watershed",
    ):
        assert word in str(raised.value)


def test_wrong_weights_name_the_first_layers(tmp_path: Path) -> None:
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"missing: .*and \d+ more; unknown: other"):
        segmenter(tmp_path / "other.safetensors")
    (tmp_path / "pickled.pth").write_bytes(b"")
    with pytest.raises(InputError, match=r"no \.safetensors file"):
        segmenter(tmp_path / "pickled.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        segmenter(tmp_path / "broken.safetensors")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"mode": "quick"}, "exact"),
        ({"edge_cells": "cut"}, "merged"),
        ({"precision": "fp8"}, "bf16"),
        ({"device": "abacus"}, "auto"),
    ],
)
def test_unknown_words_are_named(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        segmenter(None, **changed)
