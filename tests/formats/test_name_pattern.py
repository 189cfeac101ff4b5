from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.formats.name_pattern import NamePattern

WORD = st.text("abcXYZ0123456789-", min_size=1, max_size=6)


@given(WORD, WORD, WORD)
def test_what_is_written_by_a_pattern_is_read_by_it(well, site, channel):
    parts = NamePattern("{well}_{site}_{channel}.tif").parts_of(PurePath(f"{well}_{site}_{channel}.tif"))
    assert parts == {"well": well, "site": site, "channel": channel}


@pytest.mark.parametrize(
    ("pattern", "path", "image_id", "group"),
    [
        ("{image}_{channel}.{_}", "HEK_0001_w1.tif", "HEK_0001", ""),
        ("{well}f{site}p01-ch{channel}sk1fk1fl1.tiff", "r01c01f02p01-ch5sk1fk1fl1.tiff", "r01c01_02", "r01c01"),
        ("{plate}_{well}f{site}d{channel}.tif", "AS_0911_D03f00d2.tif", "AS_0911_D03_00", "AS_0911_D03"),
        ("{class}/{plate}/{image}_{channel}.tif", "N2a/p 1/7_c1.tif", "N2a_p-1_7", "p 1"),
        ("{class}_{image}.{_}", "Mixed_0011_merged.png", "Mixed_0011_merged", ""),
    ],
)
def test_names_of_microscopes_are_understood(pattern, path, image_id, group):
    names = NamePattern(pattern)
    parts = names.parts_of(PurePath(path))
    assert names.image_id(parts) == image_id
    assert names.group(parts) == group


def test_a_word_that_comes_again_must_read_the_same():
    names = NamePattern("{well}/{well}_{channel}.tif")
    assert names.parts_of(PurePath("B7/B7_1.tif")) == {"well": "B7", "channel": "1"}
    assert names.parts_of(PurePath("B7/B8_1.tif")) is None


@pytest.mark.parametrize("pattern", ["", "image.tif", "{channel}.tif", "{image", "{image}}.tif", "{a b}_{image}.tif"])
def test_patterns_that_name_no_image_are_refused(pattern):
    with pytest.raises(InputError, match="words in braces"):
        NamePattern(pattern)
