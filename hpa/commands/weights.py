"""`hpa weights`: published weights by name: list them, fetch them, verify what was fetched."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.published.registry import PublishedFile, published_file, published_files

HELP = "published weights by name: list them, fetch them once, verify what was fetched"
_RECORD = "record.json"
_EXIT_FAILED = 1
_GROUPS = {"hpa_cell": ("hpa_nuclei", "hpa_cells")}
"""What is fetched together: both networks of segmenter=hpa_cell."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        f"{HELP}. Files lie in $HPA_CACHE/weights (~/.cache/hpa/weights), are resumed after a cut, and never run code: "
        "pickled networks are kept as plain tensors."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|fetch|verify")
    listing = actions.add_parser("list", help="what there is, what it reads, its licence, whether it is here")
    listing.add_argument("--json", action="store_true", help="print everything as JSON")
    fetching = actions.add_parser("fetch", help="bring files here")
    fetching.add_argument("names", metavar="NAME", nargs="+", help="a name of the list; hpa_cell: both its networks")
    verifying = actions.add_parser("verify", help="compare what is here with what was fetched and published")
    verifying.add_argument("names", metavar="NAME", nargs="*", help="names of the list; none: all that are here")


def run(arguments: argparse.Namespace) -> int:
    """List, fetch or verify; return 0, or 1 where a file could not be had or is another one."""
    if arguments.action == "list":
        return _list(arguments.json)
    names = [part for name in arguments.names for part in _GROUPS.get(name, (name,))]
    chosen = [published_file(name) for name in names]
    return _fetch(chosen) if arguments.action == "fetch" else _verify(chosen)


def _list(as_json: bool) -> int:
    files = published_files().values()
    if as_json:
        print(json.dumps([_described(file) for file in files], indent=1, ensure_ascii=False))
        return 0
    for file in files:
        here = f"here: {file.place}" if file.place.is_file() else "not fetched"
        tried = "" if file.tried else "; address never tried from here"
        print(f"{file.name}\n  reads {', '.join(file.reads) or 'any channels'}; {here}\n  {file.use}")
        print(f"  {file.publisher}; licence: {file.licence}; cite {file.citation}{tried}")
    return 0


def _described(file: PublishedFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "address": file.address,
        "reads": list(file.reads),
        "use": file.use,
        "publisher": file.publisher,
        "licence": file.licence,
        "citation": file.citation,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "tried": file.tried,
        "path": str(file.place) if file.place.is_file() else None,
    }


def _fetch(chosen: Sequence[PublishedFile]) -> int:
    failed = False
    for file in chosen:
        if file.place.is_file():
            print(f"{file.name}: is here already: {file.place}")
            continue
        try:
            _bring(file)
        except InputError as error:
            print(f"{file.name}: failed: {error}")
            failed = True
        else:
            print(
                f"{file.name}: {file.place}\n  use it with {file.use}\n  licence: {file.licence}; cite {file.citation}"
            )
    return _EXIT_FAILED if failed else 0


def _bring(file: PublishedFile) -> None:
    """Fetch a file, convert it where needed, and record what it is; the file takes its place last."""
    from hpa.published.transfer import download  # here: requests is not needed for --help

    if not file.converted:
        sha256 = download(file.address, file.place, size_bytes=file.size_bytes, sha256=file.sha256)
        _record(file, sha256, sha256)
        return
    from hpa.commands.convert_weights import converted

    fetched = file.place.with_name(file.file_name)
    source_sha256 = download(file.address, fetched, size_bytes=file.size_bytes, sha256=file.sha256)
    content, _ = converted(fetched)
    with whole_file(file.place, bytes_needed=len(content)) as out:
        out.write(content)
    _record(file, source_sha256, sha256_of_file(file.place))
    fetched.unlink()  # 557 MB that nothing reads any more


def _record(file: PublishedFile, fetched_sha256: str, sha256: str) -> None:
    record = {
        "name": file.name,
        "address": file.address,
        "fetched": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "fetched_sha256": fetched_sha256,
        "sha256": sha256,
    }
    with whole_file(_record_of(file)) as out:
        out.write(json.dumps(record, indent=1).encode())


def _verify(chosen: Sequence[PublishedFile]) -> int:
    named = bool(chosen)
    files = chosen or [file for file in published_files().values() if file.place.is_file()]
    failures = 0
    for file in files:
        words, is_right = _verdict(file)
        failures += not is_right
        print(f"{file.name}: {words}")
    if not files and not named:
        print("nothing was fetched yet; 'hpa weights list' shows what there is.")
    return _EXIT_FAILED if failures else 0


def _verdict(file: PublishedFile) -> tuple[str, bool]:
    """Return what is known of a file in words, and whether it may be used."""
    if not file.place.is_file():
        return f"is not here; 'hpa weights fetch {file.name}' brings it.", False
    found = sha256_of_file(file.place)
    recorded = _recorded(file)
    again = f"remove '{file.place.parent}' and fetch it again."
    if recorded is not None and found != recorded.get("sha256"):
        return f"was changed after it was fetched (SHA-256 {found}, then {recorded.get('sha256')}); {again}", False
    published = recorded.get("fetched_sha256") if recorded is not None else found
    if file.sha256 is not None and not (file.converted and recorded is None) and published != file.sha256:
        return f"is not the published file (SHA-256 {published}, published {file.sha256}); {again}", False
    if recorded is None:
        return f"SHA-256 {found}; it was copied here, so that nothing is known of its source.", True
    known = "as published" if file.sha256 is not None else f"as fetched on {recorded.get('fetched')}; none is published"
    return f"SHA-256 {found}, {known}.", True


def _recorded(file: PublishedFile) -> dict[str, Any] | None:
    from hpa.core.json_file import read_json

    try:
        content = read_json(_record_of(file))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _record_of(file: PublishedFile) -> Path:
    return file.place.with_name(_RECORD)
