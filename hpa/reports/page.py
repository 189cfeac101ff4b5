"""What all pages share: templates, embedded pictures, the list of versions, and files that are written whole.

A page is one HTML file that needs nothing else: styles and drawings are inline, pictures are embedded, and a content
policy in the file forbids the browser to fetch anything. A page that is operated has one script of this package, inline
too; the policy names its hash, so that nothing else runs, whatever a file, a class or an image is called.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from hpa.core.outputs import guarded_outputs
from hpa.core.whole_file import whole_file

PAGE = "report.html"
"""The page in the folder of a run or chain."""
COMMAND = "report"
"""The command that writes it again."""
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


def render(template: str, *, script: str | None = None, connects: bool = False, **values: object) -> str:
    """Return the HTML of a template of this package; every name and text in it is escaped.

    Args:
        template: Extends `page.html.jinja`.
        script: Script file of this package beside the templates, which the page runs at its end; None for none.
        connects: Whether the script may fetch from the server that the page came from.
        values: What the template names; numbers, texts and lists for a script go through `json_of`.
    """
    loader = PackageLoader("hpa.reports")
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["json"] = json_of
    source = "" if script is None else loader.get_source(templates, script)[0]
    return templates.get_template(template).render(policy=_policy(source, connects), script=Markup(source), **values)


def json_of(value: object) -> Markup:
    r"""Return a value as JSON for `<script type="application/json">`, which no text in it can end.

    Raises:
        ValueError: If a number is not finite, which JSON cannot hold; write None.

    >>> json_of("</script>")
    Markup('"\\u003c/script\\u003e"')
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":  # the last two end lines in scripts
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _policy(script: str, connects: bool) -> str:
    """Return the content policy of a page: nothing from anywhere, and no script but this one."""
    policy = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'"
    if not script:
        return policy
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    if connects:
        policy = policy.replace("img-src data:", "img-src blob:; connect-src 'self'")
    return f"{policy}; script-src 'sha256-{digest}'"


def write_page(path: Path, html: str) -> None:
    """Write a page, whole or not at all; its folder is made.

    Raises:
        DiskFullError: If the disk is full; an older page stays as it was.
    """
    content = html.encode()
    with whole_file(path, len(content)) as file:
        file.write(content)


@contextmanager
def page_of_folder(folder: Path) -> Iterator[Path]:
    """Give the page of a run or chain to be written, listed as if `hpa report` had made it, which may replace it."""
    with guarded_outputs([folder / PAGE], COMMAND, overwrite=True):
        yield folder / PAGE


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
