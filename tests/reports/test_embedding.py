import base64
import io

import numpy as np
from PIL import Image

from hpa.reports.embedding import data_uri


def test_the_picture_comes_back_nearly_as_it_was():
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:30, 20:40] = (200, 120, 40)
    kind, data = data_uri(picture).split(",")
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert kind == "data:image/webp;base64"
    assert decoded.shape == picture.shape
    assert np.abs(decoded[20, 30].astype(int) - picture[20, 30]).max() < 12
