import shutil
import subprocess
import sys

import pytest

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs, is_own_output, output_file
from hpa.core.whole_file import whole_file
from hpa.inference.work_claim import opened
from hpa.sources.cell_classes import CellClassesWriter
from hpa.training.run_folder import require_empty


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))


def written(path, text="made by us", command="qc", **options):
    with guarded_outputs([path], command, **options):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return path


def test_a_name_of_a_compressed_file_is_refused(tmp_path):
    for name in ("a.csv.gz", "A.CSV.GZ"):
        with pytest.raises(InputError, match="nothing is written compressed"):
            check_outputs([tmp_path / name], "infer", overwrite=True)


def test_what_the_command_made_may_be_made_again(tmp_path):
    path = written(tmp_path / "page.html")
    assert is_own_output(path, "qc")
    assert written(path, "made again").read_text() == "made again"


@pytest.mark.parametrize("change", ["another program's", "changed since", "of another command", "list lost"])
def test_what_others_made_is_kept_unless_overwritten(tmp_path, change):
    path = tmp_path / "page.html"
    if change == "another program's":
        path.write_text("foreign")
    else:
        written(path, command="export" if change == "of another command" else "qc")
    if change == "changed since":
        path.write_text("made by us, with a note")
    if change == "list lost":
        shutil.rmtree(tmp_path / "cache")
    before = path.read_bytes()
    with pytest.raises(
        InputError, match=r"page\.html: exists and was not made by 'hpa qc', or was changed.*--overwrite"
    ):
        written(path)
    assert path.read_bytes() == before
    assert written(path, overwrite=True).read_text() == "made by us"


def test_a_link_of_the_user_is_kept_wherever_it_leads(tmp_path):
    (tmp_path / "page.html").symlink_to(tmp_path / "disk not mounted" / "page.html")
    with pytest.raises(InputError, match="was not made by 'hpa qc'"):
        check_outputs([tmp_path / "page.html"], "qc")


@pytest.mark.parametrize("overwrite", [True, False])
def test_an_input_is_never_an_output(tmp_path, overwrite):
    path = written(tmp_path / "index.csv")
    (tmp_path / "link.csv").symlink_to(path)
    for inputs in ([path], [tmp_path], [tmp_path / "link.csv"]):
        with pytest.raises(InputError, match=r"index\.csv: is read by this command"):
            check_outputs([path], "qc", inputs=inputs, overwrite=overwrite)
    check_outputs([tmp_path / "new.csv"], "qc", inputs=[tmp_path, tmp_path / "missing"])


def test_a_file_is_listed_before_it_appears_and_a_failed_one_is_not_there(tmp_path):
    path = tmp_path / "new" / "a.csv"
    with output_file(path, "merge") as file:
        file.write(b"1")
    assert is_own_output(path, "merge")
    with pytest.raises(TypeError), output_file(path, "merge") as file:
        file.write("no bytes")
    assert path.read_bytes() == b"1"
    assert is_own_output(path, "merge")


def test_a_kill_after_a_file_took_its_name_does_not_make_the_same_command_refuse_it(tmp_path):
    path = tmp_path / "submission.csv"

    def killed_after_the_file():
        with guarded_outputs([path], "merge"):
            with whole_file(path) as file:
                file.write(b"rows")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed_after_the_file()
    assert path.read_bytes() == b"rows"
    check_outputs([path], "merge")
    with pytest.raises(InputError, match="was not made by"):
        check_outputs([path], "qc")


def test_a_list_with_a_torn_line_is_still_read(tmp_path):
    path = written(tmp_path / "a.csv")
    [listing] = (tmp_path / "cache" / "outputs").iterdir()
    with listing.open("a") as file:
        file.write('{"path": "b.c\n7\n')
    assert is_own_output(path, "qc")
    assert not is_own_output(tmp_path / "b.csv", "qc")


def test_nothing_lies_beside_the_outputs(tmp_path):
    path = written(tmp_path / "out" / "a.csv")
    assert list(path.parent.iterdir()) == [path]
    moved = path.rename(tmp_path / "a.csv")
    assert not is_own_output(moved, "qc")


WRITER = """
import sys
from pathlib import Path
from hpa.core.outputs import output_file
for place in range(20):
    with output_file(Path(f"{sys.argv[1]}_{place}.csv"), "qc") as file:
        file.write(b"any")
"""


def test_several_processes_may_write_beside_each_other(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(number)], cwd=tmp_path) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert all(is_own_output(path, "qc") for path in tmp_path.glob("*.csv"))
    assert len(list(tmp_path.glob("*.csv"))) == 60


@pytest.mark.parametrize("command", ["merge", "convert-weights", "export-cellpose", "export", "qc", "doctor", "coco"])
def test_every_command_with_an_output_has_the_option(command, capsys):
    words = [command, "export", "--help"] if command == "coco" else [command, "--help"]
    with pytest.raises(SystemExit):
        main(words)
    assert "--overwrite" in capsys.readouterr().out


def test_a_folder_that_is_written_as_one_is_own_until_anything_in_it_changes(tmp_path):
    folder = tmp_path / "label_maps"

    def write():
        with guarded_outputs([folder], "infer"):
            (folder / "cells").mkdir(parents=True, exist_ok=True)
            (folder / "cells" / "a.tif").write_bytes(b"1")

    write()
    write()
    (folder / "cells" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="label_maps: exists and was not made by"):
        write()


def test_a_new_run_takes_no_folder_that_holds_something(tmp_path):
    for name in ("lock", ".lock.part"):  # what a kill leaves
        (tmp_path / name).touch()
    require_empty(tmp_path)
    (tmp_path / "metrics.csv").write_text("mine")
    with pytest.raises(InputError, match=r"a new or empty folder is expected for the run, this one holds metrics\.csv"):
        require_empty(tmp_path)
    with pytest.raises(InputError, match="this is a file; choose another run_dir"):
        require_empty(tmp_path / "metrics.csv")


def test_unfinished_results_are_not_kept_among_files_of_others(tmp_path):
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"it holds thesis\.txt, which is none"), opened(tmp_path / "out.csv", {}):
        pass
    assert (tmp_path / "out.csv.parts" / "thesis.txt").read_text() == "mine"


def test_a_table_of_classes_that_is_the_users_is_not_rewritten(tmp_path):
    (tmp_path / "classes.csv").write_text("ID,class\na,HEK\n")
    with pytest.raises(InputError, match=r"classes\.csv: columns ID,cell,class,score are expected"):
        CellClassesWriter(tmp_path, lambda _: True)
    assert (tmp_path / "classes.csv").read_text() == "ID,class\na,HEK\n"
