"""Results in an object store: written here as ever, then uploaded whole, the named one last."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hpa.core.addresses import StoredPath, as_path
from hpa.core.digest import digest_of_bytes
from hpa.core.object_cache import drop_fetched
from hpa.core.object_store import entry_of, upload
from hpa.core.outputs import check_outputs, list_output


def staged(address: StoredPath, command: str, overwrite: bool) -> Path:
    """Return where a result is written before it is uploaded.

    The folder stays where the command is killed or fails, so that the same command goes on; it is
    `$HPA_CACHE/outgoing/<digest of the address>`.

    Raises:
        InputError: If something is at the address that this command did not make.
    """
    check_outputs([address], command, overwrite=overwrite)
    cache = Path(os.environ.get("HPA_CACHE") or Path("~/.cache/hpa").expanduser())
    place = cache / "outgoing" / digest_of_bytes(str(address).encode()) / address.name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def upload_staged(place: Path, address: StoredPath, command: str, overwrite: bool) -> None:
    """Upload a result and what lies beside it, the result last.

    Args:
        place: What `staged` gave.
        address: Where the result shall be; everything else beside it.
        command: Name of the command that wrote it.
        overwrite: Whether results of others may be replaced.

    Raises:
        InputError: If something is there that this command did not make, or the store does not take it; what was
            written stays.
    """
    folder = place.parent
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != place)
    targets = {file: as_path(f"{address.parent}/{file.relative_to(folder).as_posix()}") for file in (*files, place)}
    check_outputs(targets.values(), command, overwrite=overwrite)
    for file, target in targets.items():
        list_output(target, command, file)
        upload(file, str(target))
        drop_fetched(str(target), entry_of(str(target)))
    shutil.rmtree(folder, ignore_errors=True)
