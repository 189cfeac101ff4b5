import json
from pathlib import Path

import pytest
import torch

from hpa.cli import main
from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.project_folder import project_folder
from hpa.models.weights import read_weights
from hpa.published import registry
from hpa.published.registry import PublishedFile, local_file, member_for, published_files
from hpa.suggestions import compose_slot
from tests.published.server import Faults, served


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def faults(tmp_path):
    path = tmp_path / "made.pth"
    torch.save({"conv.weight": torch.arange(6.0).reshape(2, 3)}, path)
    return Faults(path.read_bytes())


@pytest.fixture
def one_file(cache, faults, monkeypatch):
    """A table of one published file, which lies on this machine's server."""
    with served(faults) as address:
        entry = PublishedFile("small", address, "model.weights=hub:small", ("red",), "us", "MIT", "none", "here", False)
        monkeypatch.setattr(registry, "published_files", lambda: {"small": entry})
        monkeypatch.setattr("hpa.commands.weights.published_files", lambda: {"small": entry})
        yield entry


def test_every_entry_of_the_table_can_be_listed(cache, capsys):
    assert main(["weights", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in listed} == set(published_files())
    for entry in listed:
        assert entry["address"].startswith("https://")
        assert entry["licence"]
        assert entry["citation"]
        assert entry["path"] is None
    assert main(["weights", "list"]) == 0
    assert "never tried from here" in capsys.readouterr().out


def test_a_fetched_file_is_read_by_its_name_and_verified(one_file, capsys):
    assert main(["weights", "fetch", "small"]) == 0
    assert read_weights(Path("hub:small"))["conv.weight"].shape == (2, 3)
    assert main(["weights", "verify"]) == 0
    one_file.place.write_bytes(one_file.place.read_bytes()[:-1] + b"x")
    capsys.readouterr()
    assert main(["weights", "verify", "small"]) == 1
    assert "was changed after it was fetched" in capsys.readouterr().out


def test_fetching_again_needs_no_server(one_file, faults):
    assert main(["weights", "fetch", "small"]) == main(["weights", "fetch", "small"]) == 0
    assert len(faults.requests) == 1


def test_a_file_that_cannot_be_had_fails_with_its_reason(one_file, faults, capsys):
    faults.answers = [(404, {})]
    assert main(["weights", "fetch", "small"]) == 1
    assert "answers 404" in capsys.readouterr().out


def test_weights_that_are_not_here_name_the_command_that_fetches_them(cache):
    with pytest.raises(InputError, match=r"hpa weights fetch hpa_nuclei.*copy the folder"):
        local_file("hub:hpa_nuclei", "segmenter.nuclei_weights")
    words = ["segmenter=cellpose", "segmenter.weights=hub:cellpose_sam"]
    with pytest.raises(InputError, match=r"segmenter\.weights=hub:cellpose_sam.*hpa weights fetch cellpose_sam"):
        build(compose_slot(project_folder(), "infer", "segmenter", words))


def test_unknown_names_are_answered_with_the_known_ones(cache, capsys):
    assert main(["weights", "fetch", "subcel"]) == 1
    assert "subcell_blue_green" in capsys.readouterr().err
    with pytest.raises(InputError, match="no published weights are called"):
        read_weights(Path("hub:nothing"))


@pytest.mark.parametrize("channels", [["green", "blue"], ["red", "green", "blue"], ["red", "green", "blue", "yellow"]])
def test_the_member_of_a_family_is_chosen_by_channels(channels):
    assert set(member_for("subcell", channels).reads) == set(channels)


def test_no_member_reads_a_channel_alone():
    with pytest.raises(InputError, match="input_channels"):
        member_for("subcell", ["green"])


def test_pickled_networks_are_kept_as_plain_tensors(cache, faults, monkeypatch, capsys):
    with served(faults) as address:
        entry = PublishedFile("net", address, "", ("blue",), "us", "MIT", "none", "here", False, converted=True)
        monkeypatch.setattr(registry, "published_files", lambda: {"net": entry})
        assert main(["weights", "fetch", "net"]) == 1  # a state dict is not the published network: refused, in words
    assert "net: failed" in capsys.readouterr().out
    assert not entry.place.exists()
