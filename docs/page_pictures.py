"""Makes a picture of this documentation from a page: one of its elements, as Chromium draws it.

`python -m docs.page_pictures PAGE.html SELECTOR docs/pictures/NAME.jpg`
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser import Browser, opened

MAX_BYTES = 300_000
_QUALITIES = (90, 80, 70, 60)


def main() -> None:
    """Write the picture, as good as fits in `MAX_BYTES`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("selector")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    picture = _drawn(arguments.page.resolve(), arguments.selector)
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if len(buffer.getvalue()) <= MAX_BYTES:
            break
    arguments.out.write_bytes(buffer.getvalue())


def _drawn(page: Path, selector: str) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(Path(folder))
        with opened(browser, page) as tab:
            tab.wait("[...document.images].every((one) => { one.loading = 'eager'; return one.complete; })")
            box = tab.read(
                f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                "return [box.left, box.top + scrollY, box.right, box.bottom + scrollY]; })()"
            )
            shot = Path(folder) / "page.png"
            tab.screenshot(shot, whole=True)
        browser.close()
        with Image.open(shot) as whole:
            return whole.convert("RGB").crop(tuple(round(edge) for edge in box))


if __name__ == "__main__":
    main()
