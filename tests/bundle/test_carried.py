import pytest

from hpa.bundle.carried import CarriedFiles
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from tests.bundle.small_run import write_small_run


def test_files_are_copied_and_named_beside_the_project(tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    (tmp_path / "blue").write_text("a file that is called like a channel")
    monkeypatch.chdir(tmp_path)
    settings = {
        "weights": "w.safetensors",
        "deep": [{"file": str(tmp_path / "w.safetensors")}],
        "channel": "blue",
        "n": 1,
    }
    carried = CarriedFiles(tmp_path / "bundle", "weights/parts").carry(settings, "segmenter")
    beside = "${oc.env:HPA_ROOT}/../weights/parts"
    assert carried == {
        "weights": f"{beside}/segmenter_weights.safetensors",
        "deep": [{"file": f"{beside}/segmenter_weights.safetensors"}],  # the same file: copied once
        "channel": "blue",
        "n": 1,
    }
    assert (tmp_path / "bundle/weights/parts/segmenter_weights.safetensors").read_bytes() == b"weights"


def test_a_run_goes_along_as_its_best_checkpoint(tmp_path):
    run = write_small_run(tmp_path / "run")
    carried = CarriedFiles(tmp_path / "bundle", "weights/parts").carry({"weights": str(run)}, "segmenter")
    assert carried == {"weights": "${oc.env:HPA_ROOT}/../weights/parts/segmenter_weights.ckpt"}
    assert read_saved_run(tmp_path / "bundle/weights/parts/segmenter_weights.ckpt").epoch == 1


@pytest.mark.parametrize("folder", ["maps", "./maps"])
def test_a_folder_of_label_maps_cannot_go_along(tmp_path, folder, monkeypatch):
    (tmp_path / "maps").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"segmenter\.folder=.* cannot go along"):
        CarriedFiles(tmp_path / "bundle", "weights/parts").carry({"folder": folder}, "segmenter")
