"""What the images of a training are read as: a line in the log, and a picture of the first one."""

from __future__ import annotations

import logging
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable
from hpa.interfaces import ImageSource
from hpa.reports.channel_sheet import write_channel_sheet
from hpa.sources.table_summary import summary_of_table

FIRST_IMAGE = "first_image.png"
_TRIED = 5
"""Images that are tried until one can be read."""
log = logging.getLogger(__name__)


def report_images(table: ImageTable, source: ImageSource, picture: Path) -> None:
    """Log what the images are, and draw the first one with each channel in its colour where that is not done yet."""
    log.info("%s", summary_of_table(table, source.channels))
    for image_id in () if picture.exists() else table.image_ids[:_TRIED]:
        try:
            field = source.read(image_id, "train")
        except InputError:  # named where all images are read
            continue
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_channel_sheet(picture, field)
        log.info("%s shows how %s is read: check the colours of its channels", picture, image_id)
        return
