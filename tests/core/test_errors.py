import inspect
import pickle

import pytest
from torch.utils.data import DataLoader, Dataset

from hpa.core import errors
from hpa.core.errors import DataError, InputError, MissingChannelError, Problem, UsageError, printable
from hpa.core.sealed_file import DamagedFileError, damaged


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b]0;title\x07", r"a\x1b]0;title\x07"),
        ("line\n\tline", "line\n\tline"),
        ("\u202eexe.png", r"\u202eexe.png"),
        ("\udc80.tif", r"\udc80.tif"),
        ("µm × 2 …", "µm × 2 …"),
        ("\x85\x00", r"\x85\x00"),
    ],
)
def test_control_characters_are_escaped(text, expected):
    assert printable(text) == expected
    printable(text).encode()


def test_no_message_commands_a_terminal():
    problem = Problem("row 2 (\x1b[2J)", "no \x1b[31mnumber")
    for message in (str(problem), str(InputError(f"{problem.subject}")), str(DataError("\x1b", [problem]))):
        assert "\x1b" not in message


class Damaged(Dataset):
    """Fails as a stored file does that a worker finds damaged."""

    def __init__(self, path):
        self.path = path

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise damaged(self.path, "it is cut short")


@pytest.mark.parametrize("workers", [0, 1])
def test_the_message_is_the_same_from_a_worker_process(tmp_path, workers):
    with pytest.raises(DamagedFileError) as caught:
        list(DataLoader(Damaged(tmp_path / "crops.npy"), num_workers=workers))
    expected = f"{tmp_path / 'crops.npy'}: a stored file is damaged: it is cut short. It was deleted"
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_a_message_of_several_lines_is_kept():
    assert str(InputError("Caught\nin a net")) == "Caught\nin a net"
    problems = [Problem("a.png", "cannot be read"), Problem("b.png", "is empty")]
    assert str(DataError("images", problems)).splitlines() == [
        "images: 2 problems",
        "  - a.png: cannot be read",
        "  - b.png: is empty",
    ]


RAISED = [
    InputError("no number"),
    UsageError("no word"),
    MissingChannelError("no red", ["red"], ["blue", "green"]),
    DataError("train.csv", [Problem("row 1", "is empty"), Problem("row 2", "is short")], shown=1),
]


def test_every_error_survives_the_way_between_processes():
    classes = {one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Exception)}
    assert classes == {type(one) for one in RAISED}
    for error in RAISED:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_a_missing_channel_may_be_raised_again_from_its_message():
    assert str(MissingChannelError("no red")) == "no red"  # as PyTorch does with the errors of its workers
