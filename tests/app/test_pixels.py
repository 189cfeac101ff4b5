"""Networks of pixels, from the command's config to label maps: trained, resumed, used as segmenters, refused."""

from pathlib import Path

import pandas as pd
import pytest

from hpa.app.train import resume, train
from hpa.cli import main
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.formats.label_maps import read_label_map
from hpa.inference.saved_network import SavedPixelNetwork
from tests.discs import write_discs

CONF = Path(__file__).resolve().parents[2] / "conf"
CHOICES = {"model": "unet", "loss": "flow"}
SMALL = (
    "size=tiny",
    "tiles.side_px=32",
    "loading.batch_tiles=4",
    "model.decoder.decoder_channels=[16,16,8,8,8]",
    "trainer.precision=32-true",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), 9)


@pytest.fixture(scope="module")
def trained(composed, folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("pixels") / "run"
    words = ["experiments=segment/nuclei", *SMALL, f"data.root={folder}", f"run_dir={run}"]
    assert train(plain(composed("train", *words)), CHOICES, None) == 0
    return run


def test_a_run_leaves_label_maps_scores_and_a_picture(trained):
    table = pd.read_csv(trained / "held_out.csv")
    assert set(table.columns) >= {"image_id", "true", "predicted", "ap50", "map"}
    for image_id in table["image_id"]:
        assert read_label_map(trained / "held_out" / f"{image_id}.tif").shape == (64, 64)
    assert list((trained / "pictures").glob("*.png"))
    assert {"val_ap50", "val_pq50", "val_f1_50", "val_count_error"} <= set(pd.read_csv(trained / "metrics.csv").columns)


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped(composed, folder, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = ["experiments=segment/nuclei", *SMALL, f"data.root={folder}", "optimizer/schedule=constant"]
    assert train(plain(composed("train", *words, f"run_dir={whole}", "trainer.max_epochs=2")), CHOICES, None) == 0
    assert train(plain(composed("train", *words, f"run_dir={parts}")), CHOICES, None) == 0
    assert resume(str(parts), ["trainer.max_epochs=2"], CONF) == 0
    one, two = (pd.read_csv(run / "metrics.csv") for run in (whole, parts))
    assert one["train_loss"].tolist() == two["train_loss"].tolist()
    assert one["val_loss"].tolist() == two["val_loss"].tolist()


def test_a_trained_network_is_a_segmenter_by_one_word(trained, folder, tmp_path, capsys):
    words = ["segment", str(folder / "images"), str(tmp_path / "out"), "segmenter=unet", f"segmenter.weights={trained}"]
    assert main([*words, "--preview"]) == 0
    assert len(list((tmp_path / "out").glob("*.tif"))) == 9
    assert len(list((tmp_path / "out" / "preview").glob("*.png"))) == 9


def test_what_does_not_fit_is_refused_in_words(composed, folder, world, tmp_path):
    network = {"device": "cpu", "precision": "fp32", "overlap_px": 8, "batch_tiles": 2, "side_px": 64}
    with pytest.raises(InputError, match=r"segmenter\.weights=RUN"):
        SavedPixelNetwork(None, **network)
    wrong = ["experiments=segment/nuclei", *SMALL, f"data.root={folder}", f"run_dir={tmp_path / 'a'}"]
    wrong = [word for word in wrong if "decoder" not in word]
    with pytest.raises(InputError, match="serves task=cells, and this is task=pixels"):
        train(plain(composed("train", *wrong, "model=tiny")), CHOICES, None)
    cells = ["data=kaggle_hpa", f"data.root={world}", "model=unet", "size=tiny", f"run_dir={tmp_path / 'b'}"]
    with pytest.raises(InputError, match="serves task=pixels, and this is task=cells"):
        train(plain(composed("train", *cells)), CHOICES, None)
    with pytest.raises(InputError, match="one class"):
        train(plain(composed("train", "task=pixels", *cells)), CHOICES, None)
