"""An Atlas on this machine: images of four channels, and the faults of a busy server."""

from __future__ import annotations

import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tifffile
from PIL import Image

from tests.published.serving import QuietHandler, serving

CHANNELS = ("red", "green", "blue", "yellow")
_BANDS = {"red": [0], "green": [1], "blue": [2], "yellow": [0, 1]}


def jpeg(plane, channel):
    colour = np.zeros((*plane.shape, 3), np.uint8)
    colour[..., _BANDS[channel]] = plane[..., None]
    content = io.BytesIO()
    Image.fromarray(colour).save(content, "JPEG", quality=100, subsampling=0)
    return content.getvalue()


def tif_gz(plane):
    content = io.BytesIO()
    tifffile.imwrite(content, plane.astype(np.uint16) * 257)
    return gzip.compress(content.getvalue())


class Atlas:
    """Files by path; faults by path: what is answered before the file."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.faults: defaultdict[str, list] = defaultdict(list)
        self.requests: list[str] = []

    def add(self, stem, side=64, seed=0, channels=CHANNELS):
        planes = {}
        for number, channel in enumerate(channels):
            plane = np.random.default_rng(seed * 10 + number).integers(0, 255, (side // 8, side // 8), np.uint8)
            planes[channel] = np.kron(plane, np.ones((8, 8), np.uint8))
            self.files[f"/{stem}_{channel}.jpg"] = jpeg(planes[channel], channel)
        return planes


@contextmanager
def atlas_at(atlas: Atlas) -> Iterator[str]:
    """Give the address of the server."""

    class Handler(QuietHandler):
        def do_GET(self):  # noqa: N802 - the name of http.server
            atlas.requests.append(self.path)
            fault = atlas.faults[self.path].pop(0) if atlas.faults[self.path] else None
            content = atlas.files.get(self.path)
            if isinstance(fault, int) or content is None:
                self.send_response(fault if isinstance(fault, int) else 404)
                self.send_header("Retry-After", "7")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + (100 if fault == "lies" else 0)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
            self.close_connection = True

    with serving(Handler) as address:
        yield address
