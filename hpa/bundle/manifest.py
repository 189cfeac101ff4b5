"""The list of a bundle's files with size and hash, by which the notebook checks the upload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hpa.core.digest import sha256_of_file

MANIFEST = "hpa_bundle.json"


def write_manifest(bundle: Path, facts: dict[str, Any]) -> dict[str, int]:
    """Write the manifest, and return the bytes of each folder of the bundle.

    Args:
        bundle: Folder that is complete but for its manifest.
        facts: Other entries: versions, the image, the runs, the settings.
    """
    files: dict[str, dict[str, Any]] = {
        path.relative_to(bundle).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)}
        for path in sorted(bundle.rglob("*"))
        if path.is_file()
    }
    text = json.dumps(facts | {"files": files}, indent=1)
    (bundle / MANIFEST).write_text(text, encoding="utf-8")
    sizes: dict[str, int] = {}
    for name, file in files.items():
        top = name.partition("/")[0] if "/" in name else "."
        sizes[top] = sizes.get(top, 0) + file["bytes"]
    return sizes
