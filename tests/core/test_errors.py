import pytest

from hpa.core.errors import DataError, InputError, Problem, printable


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
