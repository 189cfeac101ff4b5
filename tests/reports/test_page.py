from __future__ import annotations

import base64
import io
import platform

import numpy as np
from PIL import Image

from hpa.reports.page import data_uri, environment


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
