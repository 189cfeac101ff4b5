"""One file from the web: resumed after cuts and kills, whole or not at all, checked, with an end to its patience.

Requests over HTTP are those of `requests`; what it does not have is going on where a transfer was cut (RFC 9110,
section 14: ranges, with `If-Range` so that parts of two versions never meet).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.file_lock import held
from hpa.core.whole_file import explained_write_errors

ATTEMPTS = 6
"""Failures in a row after which it gives up; any byte that arrives starts the count anew."""
_CONNECT_S, _READ_S = 10.0, 60.0
_MAX_WAIT_S = 60.0
_PIECE_BYTES = 1 << 20
_MAX_BYTES = 32 << 30
"""No file of an unknown size may be larger."""
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers after which the same request may succeed."""
_LOCAL = ("localhost", "127.0.0.1", "::1")


class _TryAgainError(Exception):
    """A failure that may pass; carries how long the server wants it to wait."""

    def __init__(self, words: str, wait_s: float | None = None) -> None:
        super().__init__(words)
        self.wait_s = wait_s


def download(
    address: str,
    place: Path,
    *,
    size_bytes: int | None = None,
    sha256: str | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> str:
    """Fetch a file unless it is there, and return its SHA-256.

    What arrived before a cut, a kill or Ctrl-C is kept beside the place (`.NAME.download`) and continued, if the server
    still has the same version. Waits double from a second, or are those that the server requires.

    Args:
        address: https; http only from this machine.
        place: Where it shall lie; its folder is made. It appears only when all of it arrived and fits.
        size_bytes: Its size where known.
        sha256: Its digest where known.
        wait: Called with seconds between attempts.

    Raises:
        InputError: If there is no network, no such file, it never arrives whole, or it is another file than expected.
        WriteError: If it cannot be written.
    """
    _require_safe(address)
    with explained_write_errors(place, size_bytes):
        place.parent.mkdir(parents=True, exist_ok=True)
    with held(place.with_name(f".{place.name}.lock"), "fetches this file", "wait until it is done."):
        if not place.is_file():
            _fetch(_Transfer(address, place, size_bytes), sha256, wait)
        return _checked(place, place, size_bytes, sha256, address)


class _Transfer:
    """A file on its way: what has arrived, and of which version."""

    def __init__(self, address: str, place: Path, size_bytes: int | None) -> None:
        self.address = address
        self.place = place
        self.part = place.with_name(f".{place.name}.download")
        self.version = place.with_name(f".{place.name}.version")
        self.size_bytes = size_bytes

    @property
    def arrived(self) -> int:
        """Count the bytes that are here."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def forget(self) -> None:
        """Begin anew."""
        for path in (self.part, self.version):
            path.unlink(missing_ok=True)


def _fetch(transfer: _Transfer, sha256: str | None, wait: Callable[[float], None]) -> None:
    failures, started_anew = 0, False
    while True:
        before = transfer.arrived
        try:
            _receive(transfer)
            _checked(transfer.part, transfer.place, transfer.size_bytes, sha256, transfer.address)
            break
        except _TryAgainError as error:
            failures = 1 if transfer.arrived > before else failures + 1
            if failures >= ATTEMPTS:
                raise InputError(
                    f"{transfer.address}: {error}, {failures} times in a row; {transfer.arrived:,} bytes are kept, and "
                    "the same command goes on from there."
                ) from error
            wait(min(error.wait_s if error.wait_s is not None else 2.0 ** (failures - 1), _MAX_WAIT_S))
        except _OtherFileError as error:
            transfer.forget()
            if started_anew:  # joined parts of two versions are possible once
                raise InputError(str(error)) from error
            started_anew = True
    with explained_write_errors(transfer.place):
        transfer.part.replace(transfer.place)
    transfer.version.unlink(missing_ok=True)


class MissingFileError(InputError):
    """The server has no such file."""


class _OtherFileError(InputError):
    """The file that arrived is not the one expected."""


def _checked(path: Path, place: Path, size_bytes: int | None, sha256: str | None, address: str) -> str:
    """Return the digest of a file that is the expected one."""
    size = path.stat().st_size
    if size_bytes is not None and size != size_bytes:
        raise _OtherFileError(f"{place}: {size_bytes:,} bytes were expected from {address}, there are {size:,}.")
    found = sha256_of_file(path)
    if sha256 is not None and found != sha256:
        raise _OtherFileError(
            f"{place}: the file of {address} has SHA-256 {found}, published is {sha256}: it was changed on the way or "
            "at its source. Remove it and fetch it again; if it stays so, do not use it and inform its publisher."
        )
    return found


def _receive(transfer: _Transfer) -> None:
    """Add to the part what is missing.

    Raises:
        _TryAgainError: If it was cut or the server requires patience.
        InputError: If it cannot be had.
    """
    headers = {"Accept-Encoding": "identity", "User-Agent": "hpa-cells"}
    version = transfer.version.read_text(encoding="ascii") if transfer.version.is_file() else ""
    if transfer.arrived and version:
        headers |= {"Range": f"bytes={transfer.arrived}-", "If-Range": version}
    else:
        transfer.forget()
    try:
        with _opened(transfer.address, headers) as answer:
            _require_answer(answer, transfer)
            if answer.status_code != requests.codes.partial:
                transfer.forget()
            _remember_version(answer, transfer)
            _write(answer, transfer)
    except requests.exceptions.ConnectionError as error:
        if not transfer.arrived and _is_offline(error):
            host = urlsplit(transfer.address).hostname
            raise InputError(
                f"{transfer.address}: '{host}' cannot be reached from here ({_reason(error)}). On a machine without "
                f"internet, fetch the file elsewhere and lay it at '{transfer.place}'."
            ) from error
        raise _TryAgainError(f"the transfer was cut ({_reason(error)})") from error
    except requests.exceptions.RequestException as error:
        raise _TryAgainError(f"the transfer was cut ({_reason(error)})") from error


def _opened(address: str, headers: dict[str, str]) -> requests.Response:
    """Return the answer to a request; redirects are followed where each is safe."""
    for _ in range(10):
        answer = requests.get(
            address, headers=headers, stream=True, timeout=(_CONNECT_S, _READ_S), allow_redirects=False
        )
        if not answer.is_redirect:
            return answer
        target = requests.compat.urljoin(address, answer.headers["location"])
        answer.close()
        _require_safe(target, f"{address} redirects to ")
        address = target
    raise InputError(
        f"{address}: redirected more than ten times; the address in the table of published files is stale."
    )


def _require_safe(address: str, how: str = "") -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL):
        return
    raise InputError(f"{how}{address}: only https is fetched, so that nobody on the way can change a file.")


def _require_answer(answer: requests.Response, transfer: _Transfer) -> None:
    status = answer.status_code
    if status in (requests.codes.ok, requests.codes.partial):
        if status == requests.codes.partial and not _continues(answer, transfer.arrived):
            transfer.forget()
            raise _TryAgainError("the server sent another part than the one requested")
        return
    if status == requests.codes.requested_range_not_satisfiable:
        transfer.forget()
        raise _TryAgainError("the server no longer has the version that was begun")
    if status in _AGAIN:
        raise _TryAgainError(f"the server answers {status} {answer.reason}", _retry_after_s(answer))
    kind = MissingFileError if status in (requests.codes.not_found, requests.codes.gone) else InputError
    raise kind(
        f"{transfer.address}: the server answers {status} {answer.reason}. The file may have moved: look at the "
        f"publisher's page, and lay it at '{transfer.place}'."
    )


def _continues(answer: requests.Response, arrived: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {arrived}-")


def _retry_after_s(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _remember_version(answer: requests.Response, transfer: _Transfer) -> None:
    """Keep the version (a strong ETag) of what is being received; without one a cut transfer begins anew."""
    tag = answer.headers.get("ETag", "")
    if tag.startswith('"') and tag.isascii():
        transfer.version.write_text(tag, encoding="ascii")


def _write(answer: requests.Response, transfer: _Transfer) -> None:
    announced = answer.headers.get("Content-Length", "")
    total = transfer.arrived + int(announced) if announced.isdigit() else None
    limit = transfer.size_bytes if transfer.size_bytes is not None else min(total or _MAX_BYTES, _MAX_BYTES)
    bar = tqdm(total=total, initial=transfer.arrived, unit="B", unit_scale=True, desc=transfer.place.name, disable=None)
    with explained_write_errors(transfer.part, total), transfer.part.open("ab") as file, bar:
        for piece in answer.iter_content(_PIECE_BYTES):
            if file.tell() + len(piece) > limit:
                transfer.forget()
                raise InputError(
                    f"{transfer.address}: more than the {limit:,} bytes that were announced arrive; nothing was kept."
                )
            file.write(piece)
            bar.update(len(piece))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and transfer.arrived < total:
        raise _TryAgainError(f"the transfer ended after {transfer.arrived:,} of {total:,} bytes")


def _is_offline(error: Exception) -> bool:
    """Return whether a name was not found or nothing answers: what waiting for seconds does not mend."""
    return any(word in repr(error) for word in ("NameResolutionError", "NewConnectionError", "unreachable"))


def _reason(error: BaseException) -> str:
    """Return the last cause of an error in a few words."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # one of the two is there
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
