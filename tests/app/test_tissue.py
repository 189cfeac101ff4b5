"""Tissue from the command's config to a scored submission: train, infer, refuse."""

import json

import pandas as pd
import pytest
from hydra.errors import ConfigCompositionException

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError
from tests.discs import write_discs

pytestmark = pytest.mark.slow
SMALL = (
    "experiments=hubmap/unet_resnet34",
    "size=tiny",
    "trainer.precision=32-true",
    "model.encoder=resnet18",
    "model.decoder.decoder_channels=[16,16,8,8,8]",
)
CHOICES = {"model": "unet", "loss": "pixel_sum"}


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sections") / "data"
    assert main(["synth", str(folder), "--layout", "hubmap", "--images", "14", "--size", "160", "--seed", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(composed, sections, tmp_path_factory):
    run = tmp_path_factory.mktemp("tissue") / "run"
    assert train(plain(composed("train", *SMALL, f"data.root={sections}", f"run_dir={run}")), CHOICES, None) == 0
    return run


@pytest.fixture
def inferred(composed, sections, tmp_path):
    """Write a submission of the test split and return exit code and table."""

    def run(*words: str, root=sections):
        out = tmp_path / "submission.csv"
        words = ("data=hubmap", f"data.root={root}", f"out={out}", "device=cpu", "precision=fp32", *words)
        code = infer(plain(composed("infer", *words)))
        return code, pd.read_csv(out, keep_default_na=False, dtype=str)

    return run


def test_a_run_leaves_what_thresholds_are_fitted_to(trained):
    held_out = {path.stem for path in (trained / "held_out_probabilities").glob("*.npz")}
    assert held_out == set(pd.read_csv(trained / "held_out.csv", dtype=str)["image_id"])


@pytest.mark.parametrize(
    "words",
    [
        [],
        pytest.param(["tta=flips", "thresholds=fixed"], marks=pytest.mark.thorough),
        pytest.param(["tiles.side_px=48", "tiles.overlap_share=0.5"], marks=pytest.mark.thorough),
        ["thresholds=random"],
    ],
)
def test_every_image_gets_a_mask_that_scores(trained, sections, inferred, tmp_path, words, capsys):
    code, table = inferred(f"ckpt={trained}", *words)
    assert code == 0
    assert list(table.columns) == ["id", "rle"]
    rows = pd.read_csv(sections / "test.csv", dtype={"id": str})
    assert list(table["id"]) == list(rows["id"])
    for rle, height, width in zip(table["rle"], rows["img_height"], rows["img_width"], strict=True):
        assert decode_column_runs(rle, height, width).any()
    capsys.readouterr()
    assert main(["score-tissue", str(tmp_path / "submission.csv"), str(sections / "truth_test.csv"), "--json"]) == 0
    assert 0 <= json.loads(capsys.readouterr().out)["dice"] <= 1


@pytest.mark.thorough
def test_two_equal_members_predict_what_one_predicts(trained, inferred):
    _, alone = inferred(f"ckpt={trained}")
    _, twice = inferred(f"ckpt=[{trained},{trained}]")
    pd.testing.assert_frame_equal(alone, twice)


def test_a_damaged_image_is_blank_and_logged(trained, sections, inferred, tmp_path, caplog):
    root = tmp_path / "damaged"
    (root / "test_images").mkdir(parents=True)
    (root / "test.csv").write_bytes((sections / "test.csv").read_bytes())
    paths = sorted((sections / "test_images").iterdir())
    for path in paths[1:]:
        (root / "test_images" / path.name).write_bytes(path.read_bytes())
    (root / "test_images" / paths[0].name).write_bytes(paths[0].read_bytes()[:500])
    code, table = inferred(f"ckpt={trained}", root=root)
    assert code == 3
    blank = table["id"] == paths[0].stem
    assert (table["rle"] == "").tolist() == blank.tolist()
    assert paths[0].stem in caplog.text


def test_what_does_not_fit_is_refused_in_words(trained, sections, inferred, composed, tmp_path):
    checkpoint = trained / "checkpoints" / "best.ckpt"
    (tmp_path / "alone.ckpt").write_bytes(checkpoint.read_bytes())
    with pytest.raises(InputError, match="thresholds=fixed"):
        inferred(f"ckpt={tmp_path / 'alone.ckpt'}")
    assert inferred(f"ckpt={tmp_path / 'alone.ckpt'}", "thresholds=fixed")[0] == 0
    with pytest.raises(ConfigCompositionException, match="fusion"):
        inferred(f"ckpt={trained}", "fusion=product")
    with pytest.raises(InputError, match=r"tiles\.overlap_share"):
        inferred(f"ckpt={trained}", "tiles.overlap_share=1.0")
    with pytest.raises(InputError, match="ensemble=mean or geometric"):
        inferred(f"ckpt={trained}", "ensemble=rank")
    discs = write_discs(tmp_path / "discs", 3)
    words = (f"ckpt={trained}", "data=instance_folder", f"data.root={discs}", "data.channels=[red,green,blue]")
    with pytest.raises(InputError, match="hpa segment DIR OUT segmenter=unet"):
        infer(plain(composed("infer", *words, f"out={tmp_path / 'o.csv'}", "device=cpu")))
