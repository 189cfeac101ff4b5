"""Rules that look at the field's pixels say which channels they need."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class ReadsChannels(Protocol):
    """A rule whose channels must be read beside those of networks and segmenter."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Name the channels."""
