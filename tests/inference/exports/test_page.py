import json
import re

import numpy as np

from hpa.inference.exports import page as page_export
from hpa.inference.exports.page import SUFFIX, PageExport
from tests.browser import assert_quiet, opened
from tests.inference.exports.conftest import CLASS_NAMES


def images_of(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])["images"]


def test_cells_of_all_blocks_stand_on_the_page_with_their_confidences(export, records, browser):
    path = export(PageExport(CLASS_NAMES), records[:2], [], records[2:]).with_suffix(SUFFIX)
    images = images_of(path)
    assert [image["id"] for image in images] == ["b", "none", "a", "c"]
    for image, record in zip(images, records, strict=True):
        for cell, confidences in zip(image["cells"], record.confidences, strict=True):
            assert [index for index, _ in cell["scores"]] == np.argsort(-confidences, kind="stable").tolist()
    with opened(browser, path, width_px=400) as tab:
        assert_quiet(tab, path)
        assert "6 of 6 cells" in tab.text("#shown")


def test_more_images_than_a_page_holds_are_counted(export, records, monkeypatch):
    monkeypatch.setattr(page_export, "MAX_IMAGES", 2)
    path = export(PageExport(CLASS_NAMES), records[:3], records[3:]).with_suffix(SUFFIX)
    assert [image["id"] for image in images_of(path)] == ["b", "none"]
    assert "The first 2 of 4 images" in path.read_text()
