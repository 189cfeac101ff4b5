import os
import socket
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hpa.cli import main
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.core.file_identity import file_identity
from hpa.core.file_names import name_fault, require_distinct
from hpa.core.outputs import check_outputs
from hpa.formats.coco_file import read_coco
from hpa.formats.csv_rows import read_rows
from hpa.formats.folder_listing import entries_below, files_below, list_folder
from hpa.formats.images import inspect_image
from hpa.formats.label_maps import read_label_map
from hpa.overrides import with_values
from hpa.sources.hubmap.listing import read_listing
from hpa.sources.row_checks import id_problems


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "a\\b", "a\0b", "x" * 201])
def test_ids_that_can_name_no_file_are_named(name, tmp_path):
    assert name_fault(name)
    assert [problem.subject for problem in id_problems("train.csv", ["a", name], [2, 3])] == [name]
    header = "id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness\n"
    (tmp_path / "test.csv").write_text(f"{header}{name},lung,HPA,9,9,0.4,4\n".replace("\0", "/"))
    listing = read_listing(tmp_path / "test.csv", None)
    assert any("names files" in problem.reason for problem in listing.problems)


@pytest.mark.parametrize("names", [["A", "b", "a"], ["caf\u00e9", "cafe\u0301"], ["stra\u00dfe", "STRASSE"]])
def test_names_that_some_systems_take_for_one_are_refused(names, tmp_path):
    with pytest.raises(InputError, match="one file on macOS and Windows; rename"):
        require_distinct(names)
    images = ", ".join(
        f'{{"id": {number}, "file_name": "{name}.png", "height": 4, "width": 4}}' for number, name in enumerate(names)
    )
    (tmp_path / "c.json").write_text(f'{{"images": [{images}], "annotations": [], "categories": []}}')
    with pytest.raises(InputError, match="would be one label map"):
        read_coco(tmp_path / "c.json")


def test_other_names_are_taken():
    require_distinct(["a", "b", "a b", "con"])
    assert not name_fault("2024-01-05 (v2) é")


@pytest.mark.parametrize("read", [file_identity, inspect_image, read_label_map])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: _socket(path)], ids=["pipe", "socket"])
def test_pipes_and_sockets_among_data_are_named_not_waited_for(tmp_path, monkeypatch, read, make):
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    make("a.png")
    with pytest.raises(InputError, match=r"a\.png: a file is expected, this is a pipe, a socket or a device"):
        read(Path("a.png"))


def _socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


def test_names_that_are_no_text_and_links_to_themselves_are_named(tmp_path):
    (tmp_path / "a.png").symlink_to("a.png")
    with pytest.raises(InputError, match="a link that leads to itself; remove it"):
        file_identity(tmp_path / "a.png")
    check_outputs([tmp_path / "b"], "any", inputs=[tmp_path / "a.png"])
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).touch()
    for look in (list_folder, files_below):
        with pytest.raises(InputError, match=r"xff\.png'.* in UTF-8; rename it"):
            look(tmp_path)


def test_what_is_no_file_among_images_is_not_passed_over(tmp_path):
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.tif")
    for name in "ab":  # links that lead round: 2 to the 40 ways
        (tmp_path / name).symlink_to(".")
    listing = list_folder(tmp_path)
    assert [path.name for path in listing.images + listing.passed_over] == ["gone.png", "pipe.tif"]
    assert {path.name for path in entries_below(tmp_path)} == {"gone.png", "pipe.tif"}
    assert [path.name for path in files_below(tmp_path)] == ["gone.png", "pipe.tif"]
    with pytest.raises(InputError, match="the file is missing"):
        inspect_image(tmp_path / "gone.png")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: _socket(path)], ids=["pipe", "socket"])
def test_pipes_and_sockets_that_a_user_names_are_refused_at_once(tmp_path, monkeypatch, make, capsys):
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    make("truth.csv")
    with pytest.raises(
        InputError, match=r"write its content to a file and name that\. Tables compressed by gzip can be"
    ):
        read_rows(Path("truth.csv"), ["ID"])
    for words in (["score", "s.csv", "truth.csv"], ["count", "truth.csv"], ["segment", "truth.csv", "out"]):
        assert main(words) == 1
        assert "truth.csv: a file is expected, this is a pipe or a socket" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"a pipe or a socket, which may never end; write its content to a file"):
        plain(OmegaConf.create({"data": {"cell_truth": "truth.csv"}}))
    with pytest.raises(InputError, match=r"a pipe or a socket, which may never end"):  # beside resume=
        with_values({"data": {"cell_truth": None}}, ["data.cell_truth=truth.csv"], Path("conf"))
