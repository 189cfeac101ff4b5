"""A checkpoint, or the folder of a run, from a stranger: whatever it says, no command runs anything of it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from hpa.app.infer import infer
from hpa.app.train import resume
from hpa.cli import main
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.inference.saved_network import network_of
from hpa.models.saved_run import read_saved_run
from hpa.training.run_folder import RunFolder
from tests.bundle.small_run import write_small_run

ROOT = Path(__file__).resolve().parents[2]
SECRET = "secret-of-the-machine"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> dict:
    """What train.py would have written of a small network."""
    folder = write_small_run(tmp_path_factory.mktemp("honest") / "run")
    return torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)


@pytest.fixture
def marker(tmp_path, monkeypatch) -> Path:
    """What hostile configs would make."""
    monkeypatch.setenv("HPA_TEST_SECRET", SECRET)
    return tmp_path / "marker"


def attacks(marker: Path) -> list[object]:
    """Programs, by their names and by way of what OmegaConf would resolve."""
    run = {"_target_": "setuptools._distutils.spawn.spawn", "cmd": ["touch", str(marker)]}
    return [
        run,
        {"_target_": "hpa.models.saved_run.torch.load", "f": str(marker), "weights_only": False},
        f"${{oc.create:{{_target_: os.system, command: 'touch {marker}'}}}}",
        {"_target_": "hpa.models.crop.CropModel", "backbone": "${oc.env:HPA_TEST_SECRET}"},
    ]


def with_part(checkpoint: dict, slot: str, part: object) -> dict:
    config = checkpoint["hpa"]["config"] | {slot: part}
    return checkpoint | {"hpa": checkpoint["hpa"] | {"config": config}}


def slots(checkpoint: dict) -> list[str]:
    return sorted(checkpoint["hpa"]["config"])


def assert_refused(checkpoint, slot, attack, file):
    torch.save(with_part(checkpoint | {"optimizer_states": []}, slot, attack), file)
    with pytest.raises(InputError, match=f"{slot}") as caught:
        read_saved_run(file)
    assert SECRET not in str(caught.value)


def test_no_slot_of_a_checkpoint_holds_a_program(checkpoint, marker, tmp_path):
    assert len(slots(checkpoint)) > 20
    for slot, attack in zip(slots(checkpoint), itertools.cycle(attacks(marker))):
        assert_refused(checkpoint, slot, attack, tmp_path / "hostile.ckpt")
    assert not marker.exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_no_slot_holds_any_of_the_programs(checkpoint, marker, tmp_path):
    for slot, attack in itertools.product(slots(checkpoint), attacks(marker)):
        assert_refused(checkpoint, slot, attack, tmp_path / "hostile.ckpt")
    assert not marker.exists()


def test_no_slot_of_a_run_folder_holds_a_program(checkpoint, marker, tmp_path):
    for slot, attack in zip(slots(checkpoint), itertools.cycle(attacks(marker))):
        config = with_part(checkpoint, slot, attack)["hpa"]["config"]
        (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
        with pytest.raises(InputError, match=f"{slot}") as caught:
            RunFolder(tmp_path).config()
        with pytest.raises(InputError, match=f"{slot}"):
            resume(str(tmp_path), [], ROOT / "conf")
        assert SECRET not in str(caught.value)
    assert not marker.exists()


def test_infer_reports_what_is_wrong_and_runs_nothing(warm, checkpoint, marker, tmp_path):
    file = tmp_path / "hostile.ckpt"
    torch.save(with_part(checkpoint, "data", attacks(marker)[2]), file)
    words = ["infer.py", f"ckpt={file}", f"out={tmp_path / 'out.csv'}"]
    done = warm.run(words)
    assert done.returncode == 1
    assert "data holds the interpolation" in done.stderr
    assert "Traceback" not in done.stderr
    assert not marker.exists()
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("words", [["export", "RUN", "--onnx", "OUT.onnx"], ["segment", "IN", "OUT", "ckpt=RUN"]])
def test_commands_report_what_is_wrong_and_run_nothing(checkpoint, words, marker, tmp_path, capsys):
    file = tmp_path / "hostile.ckpt"
    slot = "model" if words[0] == "export" else "segmenter"
    torch.save(with_part(checkpoint, slot, attacks(marker)[0]), file)
    (tmp_path / "in").mkdir()
    names = {"RUN": str(file), "OUT.onnx": str(tmp_path / "o.onnx"), "IN": str(tmp_path / "in"), "OUT": str(tmp_path)}
    assert main([names.get(word, word.replace("RUN", str(file))) for word in words]) == 1
    told = capsys.readouterr().err
    assert f"{slot}: _target_ setuptools" in told
    assert not marker.exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"config": None},
        {"channels": "green"},
        {"channels": [1]},
        {"class_names": None},
        {"config": {"task": "unheard_of"}},
    ],
    ids=str,
)
def test_a_checkpoint_that_lacks_what_a_run_has_is_refused(checkpoint, facts, tmp_path):
    file = tmp_path / "odd.ckpt"
    torch.save(checkpoint | {"hpa": checkpoint["hpa"] | facts}, file)
    with pytest.raises(InputError, match=r"odd\.ckpt"):
        read_saved_run(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"model: [", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "lacks task, data"),
        (b"- a\n- b\n", "no mapping of slots"),
        (b"task: cells\n", "lacks data, segmenter, model"),
    ],
)
def test_a_damaged_run_folder_is_refused_in_words(text, words, tmp_path):
    (tmp_path / "config.yaml").write_bytes(text)
    with pytest.raises(InputError, match=rf"config\.yaml: .*{words}"):
        resume(str(tmp_path), [], ROOT / "conf")


def test_files_that_the_config_of_another_names_are_not_opened(checkpoint, tmp_path, composed):
    (tmp_path / "set").mkdir()
    config = checkpoint["hpa"]["config"] | {
        "data": {"_target_": "hpa.sources.kaggle_hpa.KaggleHpa", "root": str(tmp_path / "set"), "channels": ["red"]},
        "segmenter": {"_target_": "hpa.segmenters.stored.Stored", "folder": str(tmp_path / "set")},
    }
    file = tmp_path / "other.ckpt"
    torch.save(checkpoint | {"hpa": checkpoint["hpa"] | {"config": config}}, file)
    words = [f"ckpt={file}", f"out={tmp_path / 'out.csv'}", "device=cpu"]
    with pytest.raises(InputError, match=rf"names data\.root={tmp_path}/set; .* data=NAME data\.root=…"):
        infer(plain(composed("infer", *words)))
    own = ("data=kaggle_hpa", f"data.root={tmp_path / 'set'}")
    with pytest.raises(InputError, match=r"names segmenter\.folder=.* segmenter=NAME segmenter\.folder=…"):
        infer(plain(composed("infer", *words, *own)))
    assert main(["segment", str(tmp_path / "set"), str(tmp_path / "maps"), f"ckpt={file}"]) == 1
    assert main(["bundle", str(file), "--out", str(tmp_path / "bundle")]) == 1
    assert not (tmp_path / "bundle").exists()
    RunFolder(tmp_path).config_file.write_text(OmegaConf.to_yaml(config))
    with pytest.raises(
        InputError,
        match=r"config\.yaml: this run is of another user .* segmenter\.folder=… store\.folder=… data\.root=…",
    ):
        resume(str(tmp_path), [], ROOT / "conf")


def test_a_link_in_the_folder_of_another_is_not_followed(checkpoint, tmp_path):
    run, victim = tmp_path / "run", tmp_path / "victim"
    for folder in (run, victim):
        folder.mkdir()
    (victim / ".last.ckpt.1.part").write_text("mine")
    (run / "checkpoints").symlink_to(victim)
    config = checkpoint["hpa"]["config"] | {"data": {"_target_": "hpa.sources.kaggle_hpa.KaggleHpa"}, "store": {}}
    RunFolder(run).config_file.write_text(OmegaConf.to_yaml(config))
    with pytest.raises(InputError, match="another user or machine, and checkpoints is a link to elsewhere"):
        resume(str(run), [], ROOT / "conf")
    RunFolder(run).sweep()
    assert (victim / ".last.ckpt.1.part").read_text() == "mine"


def test_a_network_of_another_names_no_files_either(checkpoint, tmp_path):
    model = checkpoint["hpa"]["config"]["model"] | {"backbone": f"local-dir:{tmp_path}", "weights": "/home/other/w.pth"}
    torch.save(with_part(checkpoint, "model", model), tmp_path / "other.ckpt")
    saved = read_saved_run(tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=r"names model\.backbone=local-dir:.*; ") as caught:
        network_of(saved)
    assert "weights" not in str(caught.value)


def many_times_over(levels: int) -> list:
    node: list = ["a"]
    for _ in range(levels):
        node = [node, node]
    return node


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("x", many_times_over(33), "holds more than 100,000 values"),
        ("x", 10**400, "a whole number of 1329 bits"),
        ("backbone", "???", r"is missing \(\?\?\?\)"),
        ("backbone", "x" * 10**6, r"has no 'xxx"),
        ("_partial_", True, "has _partial_"),
    ],
    ids=["values without end", "digits without end", "no value", "letters without end", "a part that is not built"],
)
def test_a_network_that_is_no_network_is_refused_in_words(checkpoint, key, value, words, tmp_path):
    model = checkpoint["hpa"]["config"]["model"] | {key: value}
    torch.save(with_part(checkpoint, "model", model), tmp_path / "odd.ckpt")
    with pytest.raises(InputError, match=words) as caught:
        network_of(read_saved_run(tmp_path / "odd.ckpt"))
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensor: tensor.to("meta"), "it holds no numbers"),
        (lambda tensor: tensor.to(torch.complex64), "complex"),
        (lambda tensor: tensor.to(torch.int64), "int64 in place of"),
        (lambda tensor: torch.full_like(tensor, float("nan")), "not finite"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(checkpoint, change, words, tmp_path):
    state = checkpoint["state_dict"]
    key = next(key for key, value in state.items() if key.startswith("model.") and value.is_floating_point())
    torch.save(checkpoint | {"state_dict": state | {key: change(state[key])}}, tmp_path / "odd.ckpt")
    with pytest.raises(
        InputError, match=rf"odd\.ckpt: .*{key.removeprefix('model.')} \(.*{words}.*give another checkpoint"
    ):
        network_of(read_saved_run(tmp_path / "odd.ckpt"))


def test_classes_of_one_name_and_levels_without_end_are_refused(checkpoint, tmp_path):
    for facts in (
        {"class_names": ["a", "a"]},
        {"channels": ["red", "red"]},
        {"levels": [{"bright": {"red": 10**400}}]},
    ):
        torch.save(checkpoint | {"hpa": checkpoint["hpa"] | facts}, tmp_path / "odd.ckpt")
        with pytest.raises(InputError, match=rf"odd\.ckpt: .*{next(iter(facts))}"):
            read_saved_run(tmp_path / "odd.ckpt")
