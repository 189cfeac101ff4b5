"""Tables in README.md and docs/ say what conf/ says."""

import re

import pytest

from docs import tables
from hpa.slots import choices, slots


@pytest.mark.parametrize("page", tables.pages(), ids=lambda page: str(page.relative_to(tables.ROOT)))
def test_tables_are_up_to_date(page):
    text = page.read_text()
    assert text == tables.rendered(text), "run 'make tables'"


def test_a_page_shows_the_slots_of_both_scripts():
    text = (tables.ROOT / "docs" / "reference" / "slots.md").read_text()
    assert "<!-- slots: train -->" in text
    assert "<!-- slots: infer -->" in text


@pytest.mark.parametrize("slot", slots(tables.CONF))
def test_a_slot_and_its_choices_are_described(slot):
    assert slots(tables.CONF)[slot].text, f"conf/: no `- {slot}: DEFAULT  # what it is` in any defaults list"
    unnamed = [name for name, text in choices(tables.CONF, slot).items() if not text]
    assert not unnamed, f"conf/{slot}: no comment at the top of {', '.join(unnamed)}"


def test_a_changed_choice_makes_a_table_stale(tmp_path, monkeypatch):
    (tmp_path / "loss").mkdir()
    choice = tmp_path / "loss" / "focal.yaml"
    choice.write_text("# Focal loss, Lin et al. 2017. Its alpha\n# is off.\n_target_: there\n")
    monkeypatch.setattr(tables, "CONF", tmp_path)
    page = tables.rendered("<!-- choices: loss -->\nold\n<!-- end of choices -->\n")
    assert "| `focal` | Focal loss, Lin et al. 2017 |\n" in page
    assert "old" not in page
    assert tables.rendered(page) == page
    choice.write_text("# Another loss.\n")
    assert tables.rendered(page) != page


def test_scores_in_headers_of_recipes_are_those_of_the_pages():
    """A figure of three digits that a header states stands in the tables that its command made."""
    pages = [tables.ROOT / "experiments" / "README.md", *(tables.ROOT / "docs").glob("*.md")]
    known = {figure for page in pages for figure in _figures(page.read_text())}
    for recipe in (tables.ROOT / "experiments").rglob("*.yaml"):
        [score] = re.findall(r"^# Score: +(.+)$", recipe.read_text(), flags=re.MULTILINE)
        assert not set(_figures(score)) - known, f"{recipe.name}: no page has these figures"


def _figures(text: str) -> list[str]:
    """List numbers such as .321 and 0.321, without the zero."""
    return re.findall(r"(?<![\d.])0?(\.\d{3})(?!\d)", text)
