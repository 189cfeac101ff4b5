"""Checkpoints from W&B, by a stand-in for its servers: what is read, and what is refused."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import wandb

from hpa.app.members import members
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from hpa.training.wandb_artifacts import local_checkpoint


@dataclass
class Entry:
    content: bytes
    ref: str | None = None
    fails: bool = False
    downloads: int = 0

    def download(self, root: str) -> str:
        self.downloads += 1
        if self.fails:
            raise ConnectionError("reset by peer")
        file = Path(root) / "downloaded"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.content)
        return str(file)


@dataclass
class Manifest:
    entries: dict[str, Entry]


@dataclass
class Artifact:
    manifest: Manifest
    digest: str = field(default_factory=lambda: hashlib.md5(b"x").hexdigest())

    def get_entry(self, name: str) -> Entry:
        return self.manifest.entries[name]


@pytest.fixture
def kept(monkeypatch):
    """What W&B keeps, by name."""
    artifacts: dict[str, Artifact] = {}

    class Api:
        def artifact(self, name: str, type: str) -> Artifact:
            assert type == "model"
            if name not in artifacts:
                raise wandb.errors.CommError(f"artifact {name} not found")
            return artifacts[name]

    monkeypatch.setattr(wandb, "Api", Api)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    return artifacts


def test_the_best_checkpoint_is_brought_here_once(kept, tmp_path):
    entries = {"last.ckpt": Entry(b"last"), "best.ckpt": Entry(b"best"), "../../evil.ckpt": Entry(b"evil")}
    kept["lab/cells/model-7:best"] = Artifact(Manifest(entries))
    for _ in range(2):
        found = local_checkpoint("wandb:lab/cells/model-7:best", tmp_path)
        assert Path(found).read_bytes() == b"best"
        assert Path(found).parent == tmp_path / "wandb"
    assert (entries["best.ckpt"].downloads, entries["last.ckpt"].downloads) == (1, 0)
    assert [path.name for path in (tmp_path / "wandb").iterdir()] == [Path(found).name]


def test_other_paths_are_left_as_they_are(tmp_path):
    assert local_checkpoint("runs/a", tmp_path) == "runs/a"
    assert members(["runs/a"]) == [Path("runs/a")]


@pytest.mark.parametrize(
    ("name", "artifact", "words"),
    [
        ("wandb:model-7", None, "expected wandb:ENTITY/PROJECT/ARTIFACT"),
        ("wandb:a/../b", None, "does not give it"),
        ("wandb:a/b/../c", None, "expected wandb:ENTITY"),
        ("wandb:a/b/none", None, "W&B does not give it"),
        ("wandb:a/b/c", Artifact(Manifest({"notes.txt": Entry(b"")})), "holds no .ckpt"),
        ("wandb:a/b/c", Artifact(Manifest({"best.ckpt": Entry(b"", ref="file:///etc/passwd")})), "points elsewhere"),
        ("wandb:a/b/c", Artifact(Manifest({"best.ckpt": Entry(b"")}), digest="../../x"), "is no number"),
        ("wandb:a/b/c", Artifact(Manifest({"../../x.ckpt": Entry(b"")})), "names no file below a folder"),
        ("wandb:a/b/c", Artifact(Manifest({"/x.ckpt": Entry(b"")})), "names no file below a folder"),
        ("wandb:a/b/c", Artifact(Manifest({"best.ckpt": Entry(b"", fails=True)})), "did not give best.ckpt"),
    ],
)
def test_what_is_no_checkpoint_kept_there_is_refused(kept, tmp_path, name, artifact, words):
    if artifact is not None:
        kept["a/b/c:latest"] = artifact
    with pytest.raises(InputError, match=words):
        local_checkpoint(name, tmp_path)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_without_a_key_nobody_waits(kept, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="wants a key: wandb login"):
        local_checkpoint("wandb:a/b/c", tmp_path)


class Attack:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_code_in_an_artifact_is_not_run(kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    torch.save({"state_dict": {}, "hpa": Attack()}, tmp_path / "evil.ckpt")
    kept["a/b/c:latest"] = Artifact(Manifest({"best.ckpt": Entry((tmp_path / "evil.ckpt").read_bytes())}))
    (found,) = members(["wandb:a/b/c"])
    with pytest.raises(InputError, match="its code is never run"):
        read_saved_run(found)
    assert not (tmp_path / "executed").exists()
