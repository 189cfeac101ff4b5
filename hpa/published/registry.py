"""The table of published files, and where a file of it lies on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import yaml

from hpa.core.addresses import as_path
from hpa.core.errors import InputError

PREFIX = "hub:"
_TABLE = Path(__file__).with_name("files.yaml")
_CONVERTED_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class PublishedFile:
    """A file that others publish.

    Attributes:
        name: What it is called here.
        address: Where it lies, https.
        use: Words of the command line that use it.
        reads: Channels that it was trained on, in order.
        publisher: Who publishes it.
        licence: Under what terms.
        citation: What to cite.
        source: Where the address was found, and when.
        tried: When it was fetched and used from this project, or False.
        family: Name under which the member that fits the channels at hand is chosen, or None.
        converted: Whether it is a pickled module, which is kept as plain tensors.
        size_bytes: Its size where the publisher states it.
        sha256: Its digest where the publisher states it.
    """

    name: str
    address: str
    use: str
    reads: tuple[str, ...]
    publisher: str
    licence: str
    citation: str
    source: str
    tried: str | bool
    family: str | None = None
    converted: bool = False
    size_bytes: int | None = None
    sha256: str | None = None

    @property
    def file_name(self) -> str:
        """Name of the published file."""
        return PurePosixPath(urlsplit(self.address).path).name

    @property
    def place(self) -> Path:
        """Where it lies on this machine once fetched: converted where that is needed."""
        fetched = weights_folder() / self.name / self.file_name
        return fetched.with_suffix(_CONVERTED_SUFFIX) if self.converted else fetched


def weights_folder() -> Path:
    """Return where fetched files lie: `$HPA_CACHE/weights`, or `~/.cache/hpa/weights`."""
    cache_folder = os.environ.get("HPA_CACHE") or "~/.cache/hpa"
    return Path(cache_folder).expanduser() / "weights"


@cache
def published_files(table: Path = _TABLE) -> dict[str, PublishedFile]:
    """Return every published file by its name.

    Raises:
        InputError: If an entry of the table lacks something, or has something unknown.
    """
    known = {field.name for field in fields(PublishedFile)}
    found = {}
    for name, entry in yaml.safe_load(table.read_text(encoding="utf-8")).items():
        values: dict[str, Any] = entry | {"name": name, "reads": tuple(entry.get("reads", ()))}
        if unknown := sorted(set(values) - known):
            raise InputError(
                f"{table}: {name} has unknown keys {', '.join(unknown)}; known: {', '.join(sorted(known))}."
            )
        try:
            found[name] = PublishedFile(**values)
        except TypeError as error:
            raise InputError(f"{table}: {name} lacks a key ({error}).") from error
        if urlsplit(found[name].address).scheme != "https":
            raise InputError(f"{table}: the address of {name} must begin with https.")
    return found


def published_file(name: str) -> PublishedFile:
    """Return a published file by name.

    Raises:
        InputError: If none is called so.
    """
    files = published_files()
    if name in files:
        return files[name]
    families = sorted({file.family for file in files.values() if file.family})
    raise InputError(
        f"no published weights are called '{name}'; known: {', '.join(sorted(files))}"
        f"{'; by channels: ' + ', '.join(families) if families else ''}. 'hpa weights list' describes them."
    )


def member_for(family: str, channels: Sequence[str]) -> PublishedFile:
    """Return the file of a family that was trained on exactly these channels, in any order.

    Raises:
        InputError: If there is none.
    """
    members = [file for file in published_files().values() if file.family == family]
    for file in members:
        if set(file.reads) == set(channels):
            return file
    offered = "; ".join(", ".join(file.reads) for file in members)
    raise InputError(
        f"{PREFIX}{family}: no published weights read exactly {', '.join(channels)}; there are those of {offered}. "
        "Choose one with model.extractor.input_channels=[…]."
    )


def local_file(value: str | Path, setting: str, channels: Sequence[str] = ()) -> Path:
    """Return the file on this machine that a setting names: a path, or `hub:NAME` of a published file.

    Args:
        value: What the user wrote.
        setting: Its key, for messages.
        channels: Channels at hand, by which the member of a family is chosen.

    Raises:
        InputError: If no published file has this name, or it was not fetched yet: with the command that fetches it.
    """
    text = str(value)
    if not text.startswith(PREFIX):
        return as_path(value)
    name = text.removeprefix(PREFIX)
    families = {file.family for file in published_files().values()}
    file = member_for(name, channels) if name in families else published_file(name)
    if not file.place.is_file():
        raise InputError(
            f"{setting}={text}: these weights are not on this machine yet ({file.place}). Fetch them with "
            f"'hpa weights fetch {file.name}'; on a machine without internet, fetch them elsewhere and copy the folder "
            f"'{file.place.parent}', or give a file of your own as {setting}=FILE. Licence: {file.licence}."
        )
    return file.place
