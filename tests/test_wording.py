"""Names and prose use the terms of the field; docs/glossary.md defines them.

A private word costs every reader a guess. Each entry below is a word or phrase that once stood for several things, and
what to write instead. Matched are whole words, also inside identifiers (`told_by`, `ToldBy`).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTEAD = {
    "told untold tell tells telling": "labels, targets, given, listed, reported; distinguish; message or digest",
    "said spoken speak speaks heard hears silent": "predicted, predictions; states; reports; quiet",
    "believed believe believes belief beliefs": "pseudo-labels, trusted, small-loss mask, weight",
    "surest likeliest": "most confident, most probable",
    "taught teach teaches teaching": "trained, supervised; teacher and student only of teacher models",
    "asked ask asks asking": "run, predict, request, require",
    "declaration declarations": "provenance",
    "treatment treatments": "fallback",
    "laboratory laboratories": "lab, site, domain",
    "dish dishes": "culture, plate",
    "dull lonely": "low-contrast, isolated",
    "mine theirs": "what they are",
}
"""Words, separated by blanks: what to write instead."""
PHRASES = {
    r"(?<!re)turned|(?<!quarter)_turns|turns_|any turn\b|turns and": "rotated, rotations; repeat, of a repeat number",
    r"foreign.(?:settings|keys?)": "settings of another task",
    r"\bby lot\b": "random, at random",
    r"\b(?:the|a) floor\b|\(floor\)": "random baseline, lower bound",
    r"\borgans' units": "functional tissue units (FTU)",
    r"\bnoisy.?union": "noisy-or",
    r"\b(?:missed|spurious)_rate": "false_negative_rate, false_positive_rate",
    r"\b_?(?:least|most(?!_common|_confident|_probable)|largest|smallest)_\w": "min_ and max_ in names of limits",
    r"\b_?joined\(|def _?joined": "merge, concatenate or combine, with a noun",
    r"\bwhat_flows|\bat_least_single": "batches, to_float32",
}
ALLOWED: dict[str, str] = {
    "co_teaching": "a method: Han et al. 2018",
    "co-teaching": "so too",
    "CoTeaching": "so too",
    "Co-teaching": "so too",
    ".tell()": "the position in a stream",
    "study.ask(": "a method of Optuna",
    "study.tell(": "a method of Optuna",
}
"""Part of a line that may stand, and why."""
FOLDERS = ("hpa", "conf", "experiments", "docs", "benchmarks")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "pyproject.toml", "train.py", "infer.py")
FILES = [
    *(ROOT / page for page in PAGES),
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.parent.name != "generated"),
]


def texts() -> Iterator[tuple[str, str]]:
    """Give every text by its path: files as a whole, of tests the names, of the changelog the next release."""
    for path in FILES:
        if path.is_file() and (path.suffix in (".py", ".yaml", ".md", ".toml", ".jinja") or path.name == "Makefile"):
            yield str(path.relative_to(ROOT)), path.read_text()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        names = re.findall(r"^ *(?:def|class) (\w+)", path.read_text(), flags=re.MULTILINE)
        yield str(path.relative_to(ROOT)), "\n".join([path.stem, *names])
    next_release = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1]
    yield "CHANGELOG.md", re.sub(r"`[^`\n]*`", "", next_release)  # it lists former names


def words_of(line: str) -> list[str]:
    """Return the words of a line in lower case, those inside identifiers too."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", line)]


def offences(text: str) -> Iterator[tuple[int, str, str]]:
    """Give line number, word and what to write instead."""
    instead = {word: advice for words, advice in INSTEAD.items() for word in words.split()}
    for number, line in enumerate(text.splitlines(), 1):
        kept = line
        for part in ALLOWED:
            kept = kept.replace(part, "")
        yield from ((number, word, instead[word]) for word in words_of(kept) if word in instead)
        for phrase, advice in PHRASES.items():
            for match in re.finditer(phrase, kept, flags=re.IGNORECASE):
                yield number, match[0], advice


def rooms() -> dict[str, list[tuple[str, str]]]:
    """Return the texts by the folder that they stand in, two levels deep."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path, text in texts():
        found.setdefault("/".join(path.split("/")[:-1][:2]) or path, []).append((path, text))
    return found


@pytest.mark.parametrize("room", rooms())
def test_words_are_those_of_the_field(room):
    found = [
        f"{path}:{number}: '{word}', write {advice}"
        for path, text in rooms()[room]
        for number, word, advice in offences(text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("the labels a cell was told", "told"),
        ("def what_it_was_told(self):", "told"),
        ("class ToldCells:", "told"),
        ("surestCell = 1", "surest"),
        ("a pixel by lot", "by lot"),
        ("def turned(crop):", "turned"),
        ("least_area_px: 3", "least_a"),
    ],
)
def test_a_private_word_is_found_wherever_it_stands(line, word):
    assert [found for _, found, _ in offences(line)] == [word]
