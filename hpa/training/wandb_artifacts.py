"""Checkpoints that W&B keeps: `ckpt=wandb:entity/project/artifact:best`.

One file of the artifact is brought here, under a name that we choose; it is then read as any checkpoint is, without
running code from it. Entries that point elsewhere (files of this machine, other servers) are refused.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.core.file_names import name_fault, require_data
from hpa.core.whole_file import explained_write_errors, whole_file
from hpa.training.wandb_tracking import has_key

PREFIX = "wandb:"
_NAME = re.compile(r"[\w.-]+/[\w.-]+/[\w.-]+(:[\w.-]+)?", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{8,128}", re.ASCII)


def local_checkpoint(path: str | Path, cache: Path) -> str | Path:
    """Return where a checkpoint lies here; one of W&B is downloaded, once for each version.

    Args:
        path: Of a run or a file, as it is; or `wandb:entity/project/artifact`, of which `:alias` takes a version, else
            the newest.
        cache: Folder that keeps what was downloaded.

    Raises:
        InputError: If the name or the artifact does not fit, or W&B does not answer.
    """
    text = str(path)
    if not text.startswith(PREFIX):
        return path
    name = text.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        raise InputError(f"ckpt={text[:200]}: expected wandb:ENTITY/PROJECT/ARTIFACT, or …/ARTIFACT:best.")
    artifact = _artifact(name if ":" in name else f"{name}:latest")
    digest = str(artifact.digest).lower()
    if not _DIGEST.fullmatch(digest):
        raise InputError(f"ckpt={text}: the digest of the artifact is no number ({digest[:40]!r}); nothing was read.")
    target = cache / "wandb" / f"{digest}.ckpt"
    if not target.is_file():
        _download(text, artifact, target)
    return target


def _artifact(name: str) -> Any:
    import wandb

    if not has_key():
        raise InputError(f"ckpt=wandb:{name}: W&B wants a key: wandb login, or $WANDB_API_KEY.")
    try:
        return wandb.Api().artifact(name, type="model")
    except (wandb.errors.CommError, wandb.errors.UsageError, ValueError, OSError) as error:
        raise InputError(
            f"ckpt=wandb:{name}: W&B does not give it ({str(error).splitlines()[0]}). Check the name; wandb login, or "
            "$WANDB_API_KEY, gives access to private projects."
        ) from error


def _download(text: str, artifact: Any, target: Path) -> None:
    import wandb

    entries = dict(artifact.manifest.entries)
    names = [name for name in ("best.ckpt", "last.ckpt") if name in entries] or [
        name for name in entries if name.endswith(".ckpt")
    ]
    if names and any(not part or name_fault(part) for part in names[0].split("/")):  # it would leave its folder
        raise InputError(f"ckpt={text}: {names[0][:80]!r} names no file below a folder; it is not read.")
    if not names:
        raise InputError(f"ckpt={text}: the artifact holds no .ckpt; it holds {', '.join(sorted(entries)[:5])[:200]}.")
    entry = entries[names[0]]
    if entry.ref is not None:
        raise InputError(f"ckpt={text}: {names[0]} points elsewhere ({str(entry.ref)[:80]}); it is not read.")
    folder = target.with_suffix(".download")
    try:
        with explained_write_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            found = Path(artifact.get_entry(names[0]).download(root=str(folder)))
        require_data(found)
        with found.open("rb") as source, whole_file(target) as out:
            shutil.copyfileobj(source, out)
    except InputError:
        raise
    except (wandb.errors.Error, ValueError, OSError) as error:
        raise InputError(
            f"ckpt={text}: W&B did not give {names[0]} ({str(error).partition(chr(10))[0]}); run the command again."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
