"""Seeds that depend on what they are for, not on what ran before."""

from __future__ import annotations

from hpa.core.digest import digest_of_bytes


def seed_of(*parts: int | str) -> int:
    """Return 32 bits that any change of any part changes.

    >>> seed_of(0, 1) == seed_of(0, 1), seed_of(0, 1) == seed_of(1, 0)
    (True, False)
    """
    digest = digest_of_bytes("/".join(str(part) for part in parts).encode())
    return int.from_bytes(bytes.fromhex(digest)[:4], "little")
