"""The explorer in a browser: map, gallery, filters, one cell, corrections by keys and clicks."""

import contextlib
import json

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.corrections.table import read_corrections
from hpa.explorer.collection import Collection
from tests.browser import opened
from tests.explorer.conftest import CELLS, HOSTILE, IMAGES, DrawnCells, serving

MAPPED = "document.body.dataset.mapped === 'yes'"
THUMBS = "[...document.querySelectorAll('#thumbs button')]"


def rows_of(tab):
    return tab.read(f"{THUMBS}.map((button) => Number(button.dataset.row))")


def state_row(tab):
    return tab.read("state.cell")


def collection_best(explored, row):
    return DrawnCells.class_names[explored.collection.table.confidences[row].argmax()]


def messages(tab):
    """Return what is on the console but for remarks on drawing without a graphics card."""
    return [message for message in tab.console if '"source": "rendering"' not in message]


def test_filters_combine_and_orders_put_the_doubtful_first(explored, browser):
    collection = explored.collection
    with opened(browser, explored.address) as tab:
        tab.wait(MAPPED)
        assert rows_of(tab) == list(range(18))
        tab.choose("#order", "errors")
        assert rows_of(tab) == sorted(range(18), key=lambda row: -collection.disagreement[row])
        tab.choose("#order", "uncertain")
        assert rows_of(tab) == sorted(range(18), key=lambda row: -collection.uncertainty[row])
        tab.choose("#order", "table")
        tab.choose("#category", '["cell line","U2OS"]')
        assert rows_of(tab) == list(range(6, 18))
        tab.choose("#measurement", "area_px")
        tab.choose("#least", "110")
        tab.wait("state.rows.length === 8")
        tab.choose("#predicted", "2")
        best = collection.table.confidences.argmax(axis=1)
        assert rows_of(tab) == [row for row in range(10, 18) if best[row] == 2]
        tab.choose("#predicted", "")
        tab.choose("#image", "c")
        assert rows_of(tab) == list(range(12, 18))
        assert messages(tab) == []
        assert all(address.startswith("http://127.0.0.1:") for address in tab.fetched)


def test_a_cell_is_shown_with_its_channels_classes_and_the_most_similar_ones(explored, browser):
    with opened(browser, explored.address) as tab:
        tab.wait(MAPPED)
        tab.click("#thumbs button:nth-child(8)")
        tab.wait("!document.querySelector('#detail').hidden && shownField !== null")
        assert tab.text("#cell-name") == f"Cell 2 of {IMAGES[1]}"
        assert tab.read("document.querySelectorAll('#parts img').length") == 3
        tab.wait("[...document.querySelectorAll('#parts img')].every((image) => image.naturalWidth === 144)")
        similar = "[...document.querySelectorAll('#similar button')].map((button) => Number(button.dataset.row))"
        assert sorted(tab.read(similar)[:2]) == [1, 13]  # cells of the same number have the same features
        assert "Labels of the image: Nucleoli" in tab.text("#labels")
        assert "area_px" in tab.text("#facts")
        tab.click("#field", at=(0.92, 0.5))
        tab.wait(f"document.querySelector('#cell-name').innerText.startsWith('Cell {CELLS} of b')")
        assert tab.read("document.title") == f"cells{HOSTILE}"
        assert tab.unreadable == []
        tab.choose("#looked-class", "first")
        tab.wait("document.querySelector('#looked img').naturalWidth === 8")
        best = collection_best(explored, state_row(tab))
        tab.wait(f"document.querySelector('#looked figcaption').textContent.startsWith({json.dumps(best)})")
        assert tab.read("document.querySelectorAll('img[src=x]').length") == 0
        assert messages(tab) == []
        tab.choose("#looked-class", "1")
        tab.wait("document.querySelector('#looked figcaption').textContent.startsWith('this network')")


def test_two_keys_set_a_class_and_everything_is_on_disk_at_once(explored, browser):
    path = explored.collection.journal.path
    with opened(browser, explored.address) as tab:
        tab.wait(MAPPED)
        tab.press("n")
        tab.wait("state.cell === 0")
        tab.press("3")
        tab.press("Enter")
        tab.wait("state.changes === 1")
        assert read_corrections(path)["a"].classes == {1: ("Cytosol",)}
        tab.wait("state.cell === 1")  # the next one
        tab.click("#thumbs button:nth-child(4)")
        tab.click("#thumbs button:nth-child(5)", modifiers=2)
        tab.wait("state.chosen.size === 2")
        tab.press("m")
        tab.wait("state.changes === 2")
        assert read_corrections(path)["a"].merged == {4: 5}
        tab.click("#thumbs button:nth-child(6)")
        tab.click("#delete")
        tab.wait("state.changes === 3")
        assert read_corrections(path)["a"].deleted == {6}
        tab.press("u")
        tab.wait("state.changes === 2")
        assert not read_corrections(path)["a"].deleted
        assert "✓ Cytosol" in tab.text("#thumbs button:nth-child(1)")
        tab.choose("#state", "corrected")
        assert rows_of(tab) == [0, 3]
        assert messages(tab) == []


def test_a_lasso_chooses_cells_of_which_many_are_corrected_at_once(explored, browser):
    with opened(browser, explored.address) as tab:
        tab.wait(MAPPED)
        tab.read("document.querySelector('#map').focus()")
        tab.press("-")
        corners = [(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95)]
        tab.drag("#map", *corners, modifiers=8)
        tab.wait("state.lasso !== null")
        assert tab.read("state.lasso.size") == 18
        tab.click("#classes button:nth-child(1)")
        tab.click("#write")
        tab.wait("state.changes === 1")
        images = explored.collection.journal.images
        assert sum(len(image.classes) for image in images.values()) == 18
        tab.drag("#map", (0.05, 0.05), (0.06, 0.05), (0.06, 0.06), modifiers=8)
        assert rows_of(tab) == []
        tab.click("#clear")
        assert len(rows_of(tab)) == 18


@pytest.mark.parametrize("dark", [False, True])
def test_a_reader_at_400_px_sees_all_and_changes_nothing(read_only, browser, dark):
    with opened(browser, read_only.address, width_px=400, dark=dark) as tab:
        tab.wait(MAPPED)
        assert tab.overflow_px == 0
        assert tab.read("document.querySelector('#editor')") is None
        tab.click("#thumbs button")
        tab.wait("shownField !== null")
        for key in ("1", "Enter", "x"):
            tab.press(key)
        assert tab.overflow_px == 0
        assert messages(tab) == []


class DoubtfulCells(DrawnCells):
    """Confidences above 1, and images that are gone."""

    def table(self):
        table = super().table()
        table.confidences[:] = np.nan
        table.confidences[3, 1] = 7
        table.confidences[5, 0] = 0.5
        return table

    def read(self, image_id):
        raise InputError(f"{image_id}.png is not there.")


def test_doubtful_confidences_are_ordered_and_missing_images_and_a_missing_server_are_reported(browser):
    found = DoubtfulCells()
    with contextlib.ExitStack() as stack:
        served = serving(Collection(found, found.table(), {}, None))
        server = stack.enter_context(contextlib.ExitStack())
        tab = stack.enter_context(opened(browser, server.enter_context(served).address))
        tab.wait(MAPPED)
        tab.wait("document.getElementById('message').textContent.includes('.png is not there')")
        tab.choose("#order", "sure")
        assert rows_of(tab)[:2] == [3, 5]
        assert len(rows_of(tab)) == 18
        server.close()
        tab.read("void show(3)")
        tab.wait("document.getElementById('message').textContent.includes('does not answer: start it again')")
