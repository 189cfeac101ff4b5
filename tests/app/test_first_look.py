import logging

import cv2
import numpy as np

from hpa.app.first_look import FIRST_IMAGE, report_images
from hpa.sources.instance_folder import InstanceFolder
from tests.discs import write_discs


def test_a_training_logs_what_its_images_are_and_draws_the_first_that_can_be_read(tmp_path, caplog):
    root = write_discs(tmp_path / "set", 3)
    source = InstanceFolder(root, ("red", "green", "blue"), None, {}, "instance")
    table = source.table("train")
    (root / "images" / "disc_00.png").write_bytes(b"")
    picture = tmp_path / "RUN" / "pictures" / FIRST_IMAGE
    with caplog.at_level(logging.INFO):
        report_images(table, source, picture)
    assert "3 images of red, green, blue; 64×64 px; 8 bit; pixel size unknown" in caplog.text
    assert f"{picture} shows how disc_01 is read" in caplog.text
    drawn = cv2.imread(str(picture))
    tiles = np.split(drawn[28:], 4, axis=1)  # below the names: merged, red, green, blue
    brightest = [int(tile.reshape(-1, 3).max(axis=0).argmax()) for tile in tiles[1:]]
    assert brightest == [2, 1, 0]  # OpenCV: blue, green, red
    before = picture.stat().st_mtime_ns
    report_images(table, source, picture)  # a run that goes on
    assert picture.stat().st_mtime_ns == before
