from __future__ import annotations

import base64
import io
import json
import platform
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hpa.reports.page import data_uri, environment, json_of


def test_the_picture_comes_back_nearly_as_it_was():
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:30, 20:40] = (200, 120, 40)
    kind, data = data_uri(picture).split(",")
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert kind == "data:image/webp;base64"
    assert decoded.shape == picture.shape
    assert np.abs(decoded[20, 30].astype(int) - picture[20, 30]).max() < 12


def test_versions_are_those_that_run():
    facts = dict(environment(3, "abc"))
    assert facts["seed"] == "3"
    assert facts["commit"] == "abc"
    assert facts["Python"] == platform.python_version()
    assert facts["numpy"] == np.__version__


def test_seed_and_commit_are_left_out_where_not_known():
    assert not {"seed", "commit"} & dict(environment(None, None)).keys()


HOSTILE = ["</script><script>alert(1)</script>", "<!--", "]]>", "&lt;", "\u2028", "\"'`${1}"]


@given(st.text() | st.sampled_from(HOSTILE))
def test_no_text_ends_the_data_of_a_script(text):
    written = json_of({text: [text]})
    assert not re.search(r"[<>&\u2028\u2029]", written)
    assert json.loads(written) == {text: [text]}


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        json_of(float("nan"))
