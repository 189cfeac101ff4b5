"""The table of corrections: nothing acknowledged is lost, nothing is written over, and one process writes."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from hpa.core.errors import DataError, InputError
from hpa.core.whole_file import DiskFullError
from hpa.corrections.journal import open_journal
from hpa.corrections.table import COLUMNS, Correction, read_corrections

HEADER = ",".join(COLUMNS)
KILLED = """
import sys
from hpa.corrections.journal import open_journal
from hpa.corrections.table import Correction
from pathlib import Path
with open_journal(Path(sys.argv[1]), "me") as journal:
    for number in range(100000):
        journal.add([Correction("a", "s", number + 1, "classes", "Nucleoli|Cytosol")])
        print(number + 1, flush=True)
"""


def classes(cell, *names, image="a", segmentation="s"):
    return Correction(image, segmentation, cell, "classes", "|".join(names))


def test_changes_are_read_back_with_who_and_when(tmp_path):
    path = tmp_path / "cells.csv"
    with open_journal(path, "Ann, the expert") as journal:
        journal.add([classes(3, "Nucleoli", "Cytosol"), classes(5, "Nucleoli", "Cytosol")])
        journal.add([classes(3), Correction("b|,", "t", 1, "delete"), Correction("a", "s", 4, "merge", "2")])
    images = read_corrections(path)
    assert images["a"].classes == {3: (), 5: ("Nucleoli", "Cytosol")}
    assert images["a"].merged == {4: 2}
    assert images["b|,"].deleted == {1}
    assert "Ann, the expert" in path.read_text()
    assert "+00:00" in path.read_text()


def test_undo_takes_back_one_change_after_the_other_and_writes_nothing_over(tmp_path):
    path = tmp_path / "cells.csv"
    with open_journal(path, "me") as journal:
        journal.add([classes(1, "A")])
        journal.add([classes(1, "B")])
        journal.undo()
        assert journal.images["a"].classes == {1: ("A",)}
        before = path.read_bytes()
    with open_journal(path, "me") as journal:
        assert journal.undo() == [classes(1, "A")]
        assert journal.undo() == []
        assert journal.add([classes(2, "C")]) == 5
        assert path.read_bytes().startswith(before)
    assert read_corrections(path)["a"].classes == {2: ("C",)}


def test_every_acknowledged_change_survives_a_kill(tmp_path):
    path = tmp_path / "cells.csv"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    while int(process.stdout.readline()) < 20:
        pass
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    acknowledged = int(rest[-1]) if rest else 20
    with open_journal(path, "me") as journal:  # the lock of a killed process is free
        cells = journal.images["a"].classes
        assert set(range(1, acknowledged + 1)) <= set(cells)
        assert set(cells.values()) == {("Nucleoli", "Cytosol")}


def test_a_torn_line_is_cut_off(tmp_path):
    path = tmp_path / "cells.csv"
    with open_journal(path, "me") as journal:
        journal.add([classes(1, "A")])
    whole = path.read_bytes()
    path.write_bytes(whole + b"2,2026-01-01,me,a,s,7,clas")
    with open_journal(path, "me") as journal:
        assert journal.images["a"].classes == {1: ("A",)}
        assert path.read_bytes() == whole


def test_a_line_that_a_full_disk_cut_is_taken_back(tmp_path):
    path = tmp_path / "cells.csv"
    with open_journal(path, "me") as journal:
        journal.add([classes(1, "A")])
        whole = path.read_bytes()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, before[1]))
        try:
            with pytest.raises(DiskFullError, match=r"cells\.csv: the disk .* free some"):
                journal.add([classes(2, "B" * 100)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert path.read_bytes() == whole
        journal.add([classes(3, "C")])
    with open_journal(path, "me") as journal:
        assert journal.images["a"].classes == {1: ("A",), 3: ("C",)}


def test_two_processes_do_not_write_one_table(tmp_path):
    path = tmp_path / "cells.csv"
    with open_journal(path, "me"), pytest.raises(InputError, match=r"corrects cells in cells.csv"), open_journal(path):
        pass


def test_an_image_is_corrected_on_one_segmentation_only(tmp_path):
    with open_journal(tmp_path / "cells.csv", "me") as journal:
        journal.add([classes(1, "A")])
        with pytest.raises(InputError, match="two segmentations"):
            journal.add([classes(1, "A", segmentation="other")])
        assert len(journal.changes) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x,t,me,a,s,1,classes,A", "whole numbers"),
        ("1,t,me,a,s,-1,classes,A", "whole numbers"),
        ("1,t,me,a,s,0,classes,A", "must be given"),
        ("1,t,me,,s,1,classes,A", "must be given"),
        ("1,t,me,a,s,1,paint,A", "none of"),
        ("1,t,me,a,s,1,merge,b", "above 0"),
        ("1,t,me,a,s,٣,classes,A", "whole numbers"),
    ],
)
def test_rows_that_make_no_sense_are_named(tmp_path, line, reason):
    (tmp_path / "cells.csv").write_text(f"{HEADER}\n{line}\n")
    with pytest.raises(DataError, match=reason):
        read_corrections(tmp_path / "cells.csv")


def test_another_file_is_not_written_to(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("ID,Label\na,1\n")
    with pytest.raises(InputError), open_journal(path, "me"):
        pass
    assert path.read_text() == "ID,Label\na,1\n"
