"""Reading images from a bucket: this machine's disk, the first pass over a bucket, the second from the cache.

The bucket is a real S3-speaking server (moto, extra `dev`) in a process of its own on the same machine, so the first
pass shows what requests, checks and copies cost, and nothing of a network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from hpa.core.addresses import as_path
from hpa.core.channels import CHANNELS
from hpa.core.object_store import upload
from hpa.sources.channel_files import ChannelFiles

_SERVE = "from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
_PORT = 5613
_BUCKET = f"http://127.0.0.1:{_PORT}/images"


def measure(images: int, side_px: int, threads: int, folder: Path) -> dict[str, float]:
    """Return images (of four channels) a second of each way; all must read the same pixels.

    Args:
        images: How many.
        side_px: Of each, px.
        threads: That read side by side.
        folder: For the images and the cache.
    """
    os.environ["HPA_CACHE"] = str(folder / "cache")
    local = folder / "local"
    local.mkdir()
    ids = [f"{number:04d}" for number in range(images)]
    random = np.random.default_rng(0)
    for image_id in ids:
        for channel in CHANNELS:
            plane = random.poisson(cv2.GaussianBlur(random.random((side_px, side_px)), (0, 0), 8) * 40).astype(np.uint8)
            cv2.imwrite(str(local / f"{image_id}_{channel}.png"), plane)
    for file in local.iterdir():
        upload(file, f"s3://images/set/{file.name}")
    speeds: dict[str, float] = {}
    sums: dict[str, list[int]] = {}
    for name, place in (
        ("local disk", local),
        ("first pass", "s3://images/set"),
        ("from the cache", "s3://images/set"),
    ):
        files = ChannelFiles(as_path(place), CHANNELS, None)
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            fields = pool.map(lambda one, files=files: files.read(one, None), ids)
            sums[name] = [int(field.plane(channel).sum()) for field in fields for channel in CHANNELS]
        speeds[name] = images / (time.perf_counter() - began)
    if any(one != sums["local disk"] for one in sums.values()):
        raise AssertionError(f"the pixels differ: {sums}")
    return speeds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--side", type=int, default=1024, help="px")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{_PORT}", "AWS_REGION": "us-east-1"}
    os.environ |= keys | {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
    server = subprocess.Popen([sys.executable, "-c", _SERVE.format(port=_PORT)], stderr=subprocess.DEVNULL)
    try:
        _wait_for_bucket()
        with tempfile.TemporaryDirectory() as folder:
            speeds = measure(arguments.images, arguments.side, arguments.threads, Path(folder))
    finally:
        server.terminate()
        server.wait()
    print(f"{arguments.images} images of 4 × {arguments.side}² px, {arguments.threads} threads, images a second")
    for name, speed in speeds.items():
        print(f"{name:16} {speed:8.1f}  {speed / speeds['local disk']:.2f} of local disk")


def _wait_for_bucket() -> None:
    """Make the bucket once the server answers."""
    for _ in range(300):
        try:
            urllib.request.urlopen(urllib.request.Request(_BUCKET, method="PUT")).close()
            return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("the server does not start; is moto[s3] installed (extra dev)?")


if __name__ == "__main__":
    main()
