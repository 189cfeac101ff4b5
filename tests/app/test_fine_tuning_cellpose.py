"""A user's Cellpose weights: trained on in the one trainer, resumed without their file, given back to the package."""

import numpy as np
import pandas as pd
import pytest
import torch

from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from tests.discs import write_discs
from tests.small_cellpose import saved, small_state

CHOICES = {"model": "cellpose", "loss": "flow"}
SMALL = ("size=tiny", "tiles.side_px=256", "loading.batch_tiles=1", "trainer.precision=32-true")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # the package's own tensors
def test_weights_of_a_user_come_back_trained(small_cellpose, composed, tmp_path, capsys):
    from cellpose.models import CellposeModel

    folder, run, out = write_discs(tmp_path / "discs", 9), tmp_path / "run", tmp_path / "models/mine"
    file = saved(small_state(), tmp_path / "theirs")
    words = ["experiments=segment/nuclei", "model=cellpose", f"model.weights={file}", *SMALL]
    config = composed("train", *words, f"data.root={folder}", f"run_dir={run}")
    assert train(plain(config), CHOICES, None) == 0
    assert np.isfinite(pd.read_csv(run / "metrics.csv")["val_loss"]).all()
    file.unlink()  # a run is whole without what it started from

    assert main(["export-cellpose", str(run), str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    trained, theirs = torch.load(out, weights_only=True), small_state()
    assert list(trained) == list(theirs)
    assert not torch.equal(trained["out.weight"], theirs["out.weight"])
    package = CellposeModel(pretrained_model=str(out), device=torch.device("cpu"), use_bfloat16=False)
    masks, _, _ = package.eval(np.zeros((40, 30), np.uint8))
    assert masks.shape == (40, 30)

    maps = tmp_path / "maps"
    for chosen in (["segmenter=unet", f"segmenter.weights={run}"], ["segmenter=cellpose", f"segmenter.weights={out}"]):
        extra = ["segmenter.cell_channels=[red]", "segmenter.nucleus_channel=null", "segmenter.diameter_um=null"]
        named = [*chosen, *(extra if "cellpose" in chosen[0] else [])]
        assert main(["segment", str(folder / "images"), str(maps / chosen[0]), *named]) == 0
        assert len(list((maps / chosen[0]).glob("*.tif"))) == 9
