"""What all pages share: templates, embedded pictures, the list of versions, and files that are written whole.

A page is one HTML file that needs nothing else. No script, no network: styles and drawings are inline, pictures are
embedded, and a content policy in the file forbids the browser to fetch anything.
"""

from __future__ import annotations

import base64
import io
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from hpa.core.whole_file import whole_file

QUALITY = 84
"""Of WebP: fine filaments stay, and a crop of 128 px takes about 4 KB (as PNG 35 KB)."""
PACKAGES = (
    "hpa-cells",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "timm",
    "hydra-core",
    "albumentations",
    "numpy",
    "pandas",
)


def render(template: str, **values: object) -> str:
    """Return the HTML of a template of this package; every name and text in it is escaped."""
    templates = Environment(
        loader=PackageLoader("hpa.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(**values)


def write_page(path: Path, html: str) -> None:
    """Write a page, whole or not at all; its folder is made.

    Raises:
        DiskFullError: If the disk is full; an older page stays as it was.
    """
    content = html.encode()
    with whole_file(path, len(content)) as file:
        file.write(content)


def data_uri(picture: UInt8[np.ndarray, "height width 3"]) -> str:
    """Return the RGB picture as a `data:` address that an <img> can show."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def environment(seed: int | None, commit: str | None) -> list[tuple[str, str]]:
    """Return names and values: seed and commit where they are known, Python, the system, and the packages installed."""
    known = [("seed", seed), ("commit", commit)]
    listed = [(name, str(value)) for name, value in known if value is not None]
    listed += [("Python", platform.python_version()), ("system", f"{platform.system()} {platform.machine()}")]
    for package in PACKAGES:
        try:
            listed.append((package, version(package)))
        except PackageNotFoundError:  # e.g. hpa run from its source folder
            continue
    return listed
