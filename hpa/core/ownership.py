"""Which configs this user's own trainings wrote: only such a config may name files that are opened as they stand.

A run may come from a stranger, and its config names the folders and files of the training: data, label maps, weights,
caches. The trainings of a user seal their configs with a key that lies in the user's home (HMAC, RFC 2104); a config
without this seal, or that was changed since, is another's, and what it names is not opened.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Any

from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.paths import named_paths

TRUST = "HPA_TRUST_RUNS"
"""Set to 1 where no home outlasts a job, as in containers, and every run is the user's own."""
_KEY_BYTES = 32


def seal_of(config: Any) -> str:
    """Return the seal of a config of plain values, "" where the home folder cannot keep a key."""
    key = _key() or _made_key()
    return "" if key is None else _code(key, config)


def is_own(config: Any, seal: object) -> bool:
    """Return whether a training of this user wrote the config, or the user trusts all runs on this machine."""
    if os.environ.get(TRUST) == "1":
        return True
    key = _key()
    return key is not None and isinstance(seal, str) and hmac.compare_digest(_code(key, config).encode(), seal.encode())


def require_no_paths(config: Any, slot: str, where: Path, given: frozenset[str] = frozenset()) -> None:
    """Refuse a part of another's config that names files or folders; for parts that are about to be built.

    Args:
        config: The part.
        slot: Its key, e.g. `data`; "" for a whole config.
        where: What names it, for messages.
        given: Keys that the user gave in the command.

    Raises:
        InputError: Naming each path, and how to give it.
    """
    named = [(key, path) for key, path in named_paths(config, slot) if key not in given]
    if named:
        paths = ", ".join(f"{key}={path}" for key, path in named)
        words = " ".join([*([f"{slot}=NAME"] if slot else []), *(f"{key}=…" for key, _ in named)])
        raise InputError(
            f"{where}: this run is of another user or machine, or its config was changed, and names {paths}; files "
            f"that others name are not opened. Give what is meant in the command: {words} — or set {TRUST}=1 where all "
            "runs are your own."
        )


def _code(key: bytes, config: Any) -> str:
    return hmac.digest(key, digest_of_values(config).encode(), "sha256").hex()


def _key_file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(folder) / "hpa" / "key"


def _key() -> bytes | None:
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: there is no home
        key = _key_file().read_bytes()
        return key if len(key) == _KEY_BYTES else None
    return None


def _made_key() -> bytes | None:
    """Make the key, which only the user may read, whole or not at all; of two processes, the first one's stays."""
    with contextlib.suppress(OSError, RuntimeError):
        file = _key_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".key.{secrets.token_hex(8)}.part")
        try:
            part.touch(mode=0o600)
            part.write_bytes(secrets.token_bytes(_KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(part)
        finally:
            part.unlink(missing_ok=True)
    return _key()
