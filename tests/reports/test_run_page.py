import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from hpa.core.classes import LOCATION_NAMES
from hpa.reports.class_styles import class_styles
from hpa.reports.run_page import channel_colours, render_run_page, write_run_page
from tests.browser import assert_quiet, opened

SECTIONS = ("summary", "learning", "classes", "lost", "curves", "calibration", "groups", "images", "gallery")
SECTIONS += ("confusion", "config", "environment")
VOID = {"meta", "img", "br", "hr", "link", "input"}
HOSTILE = "<script>alert(1)</script>\" onload='x' & {{ 7*7 }}"


class Page(HTMLParser):
    """Reads a page; every tag must be closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def values(self, name):
        return [attributes[name] for attributes in self.attributes if name in attributes]


def page_of(facts):
    text = render_run_page(facts)
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    assert all(target.removeprefix("#") in ids for target in page.values("href"))
    assert all(source.startswith("data:image/webp;base64,") for source in page.values("src"))
    assert page.tags.count("script") == 1
    assert not {"link", "iframe", "object", "form"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    return page


def test_the_page_is_whole_and_needs_nothing_else(facts):
    page = page_of(facts)
    assert page.tags.count("svg") == 2 + 2 * 3  # two learning curves; three classes with positives, two charts each
    assert page.tags.count("img") > 3
    assert all(attributes.get("alt") for attributes in page.attributes if "src" in attributes)
    assert len(page.values("aria-label")) >= page.tags.count("svg")


def test_the_page_shows_the_run(facts):
    page = page_of(facts)
    shown = "\n".join(page.text + page.values("alt"))
    for words in ("0.250", "image0", "python train.py", "side_px: 128", "0123abcd", "False positives"):
        assert words in shown


def test_names_and_config_cannot_become_markup(facts_with, facts):
    page = page_of(
        facts_with(
            title=HOSTILE,
            command=HOSTILE,
            config_text=HOSTILE,
            class_names=(HOSTILE, *facts.class_names[1:]),
            history=facts.history.assign(**{HOSTILE: 1.0}),
            commit=HOSTILE,
        )
    )
    assert not any(name.startswith("on") for attributes in page.attributes for name in attributes)
    assert HOSTILE in "".join(page.text)
    assert "49" not in [text.strip() for text in page.text]


def test_without_labels_of_cells_those_of_images_are_the_ground_truth(facts_with):
    text = " ".join(page_of(facts_with(cell_targets=None)).text)
    assert "The labels of single cells are unknown" in text
    assert "the labels of the images" in text


def test_a_run_without_cells_has_every_section(facts_without_cells):
    text = " ".join(page_of(facts_without_cells).text)
    assert "no image is shown" in text
    assert "no curve" in text


@pytest.mark.parametrize("epochs", [0, 1])
def test_hardly_any_history(facts_with, facts, epochs):
    page_of(facts_with(history=facts.history.iloc[:epochs]))


def test_holes_in_history_and_no_score(facts_with, facts):
    history = facts.history.astype({"val_loss": float})
    history.loc[1:3, ["train_loss", "val_loss", "val_image_map", "val_cell_map"]] = np.nan
    page = page_of(facts_with(history=history, score=None, seed=None, commit=None))
    assert "nan" not in " ".join(page.text + page.values("d") + page.values("style")).lower()


def test_two_stains_and_one_class(facts_with, facts):
    page_of(
        facts_with(
            class_names=("HEK",),
            class_styles=class_styles(1),
            probabilities=facts.probabilities[:, :1],
            image_targets=facts.image_targets[:, :1],
            cell_targets=facts.cell_targets[:, :1],
            channels=("blue", "green"),
            crops_of=lambda rows: facts.crops_of(rows)[:, :2],
        )
    )


def test_the_file_is_written_whole_into_a_new_folder(tmp_path, facts):
    path = tmp_path / "run" / "report.html"
    write_run_page(path, facts)
    assert path.read_text(encoding="utf-8") == render_run_page(facts)
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    assert path.stat().st_size < 1e6


def test_a_failure_leaves_the_old_page(tmp_path, facts, facts_with):
    def lost(image_id):
        raise OSError(f"{image_id} is gone")

    path = tmp_path / "report.html"
    write_run_page(path, facts)
    before = path.read_bytes()
    with pytest.raises(OSError, match="is gone"):
        write_run_page(path, facts_with(field_of=lost))
    assert path.read_bytes() == before


def test_no_colour_of_the_page_is_dim_in_either_theme():
    """Text reaches the contrast of WCAG 2.1 AA, 4.5 to 1, on page and card."""
    style = (files("hpa.reports") / "templates" / "style.css.jinja").read_text(encoding="utf-8")
    for theme in (style[: style.index("@media (prefers-color-scheme: dark)")], style):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", theme))  # later ones, the dark, win
        for ink in ("ink", "muted", "accent", "good"):
            for ground in ("paper", "card"):
                assert contrast(colours[ink], colours[ground]) >= 4.5


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_stains_are_named_only_where_they_are_known(facts_with, facts):
    atlas = facts_with(
        class_names=LOCATION_NAMES,
        class_styles=class_styles(19),
        probabilities=np.zeros((18, 19), np.float32),
        image_targets=np.zeros((18, 19), np.float32),
        cell_targets=None,
        channels=("green", "blue"),
    )
    assert channel_colours(atlas) == "protein green, nucleus blue"
    assert channel_colours(facts_with(channels=("blue", "DAPI"))) == "channel blue in blue, channel DAPI in grey"


def test_epochs_count_from_one_wherever_they_are_read(facts):
    page = page_of(facts)
    assert "best, epoch 3" in page.text  # the third row of the history
    table = render_run_page(facts).partition("Table of epochs")[2].partition("</tbody>")[0]
    assert re.findall(r"<tr><td>(\d+)</td>", table) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("width_px", [400, 1280])
def test_images_and_where_the_network_looked_can_be_chosen_and_commands_are_copied(
    browser, facts_with, tmp_path, width_px
):
    path = tmp_path / "report.html"
    write_run_page(path, facts_with(next_commands=[("Again", "python train.py loss=focal")]))
    shown = (
        "[...document.querySelectorAll('article.field')].filter((one) => !one.hidden).map((one) => one.dataset.image)"
    )
    kinds = (
        "[...document.querySelectorAll('#gallery img')].filter((one) => one.checkVisibility())"
        ".map((one) => one.className)"
    )
    with opened(browser, path, width_px) as tab:
        assert_quiet(tab, path)
        assert tab.read(shown) == ["0", "1"]
        tab.click("#before")
        assert tab.read(shown) == ["2"]
        tab.choose("#image", "1")
        assert tab.read(shown) == ["1"]
        assert set(tab.read(kinds)) == {""}
        tab.click("button[data-looks=gallery]")
        assert set(tab.read(kinds)) == {"looked"}
        tab.click("button[data-copies]")
        tab.wait("document.querySelector('button[data-copies]').textContent !== 'Copy'")
        assert_quiet(tab, path)
