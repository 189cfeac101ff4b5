import pytest
import torch

from hpa.cli import main


def checkpoint(path, state, target):
    facts = {"config": {"model": {"_target_": target}}, "channels": ["grey"], "class_names": ["cell"]}
    torch.save({"state_dict": state, "hpa": facts, "epoch": 3}, path)
    return path


def test_the_evaluated_weights_are_written_under_the_names_of_the_package(tmp_path, capsys):
    state = {
        "model.network.published.out.bias": torch.zeros(3),
        "average.model.network.published.W2": torch.eye(2),
        "average.model.network.published.out.bias": torch.ones(3, dtype=torch.bfloat16),
        "supervision.loss.weight": torch.zeros(1),
    }
    run = checkpoint(tmp_path / "best.ckpt", state, "hpa.models.cellpose.CellposeModel")
    out = tmp_path / "models" / "mine"
    assert main(["export-cellpose", str(run), str(out)]) == 0
    assert "2 tensors" in capsys.readouterr().out
    written = torch.load(out, weights_only=True)
    assert list(written) == ["W2", "out.bias"]
    assert torch.equal(written["W2"], torch.eye(2))
    assert torch.equal(written["out.bias"], torch.ones(3))


def test_runs_of_other_models_are_refused(tmp_path, capsys):
    run = checkpoint(tmp_path / "best.ckpt", {"model.weight": torch.zeros(1)}, "hpa.models.unet.UnetModel")
    assert main(["export-cellpose", str(run), str(tmp_path / "out")]) == 1
    assert "this one trained UnetModel" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_is_refused(tmp_path, capsys):
    assert main(["export-cellpose", str(tmp_path / "gone"), str(tmp_path / "out")]) == 1
    assert "no such run folder" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["RUN"]])
def test_usage(words):
    with pytest.raises(SystemExit, match="2"):
        main(["export-cellpose", *words])
