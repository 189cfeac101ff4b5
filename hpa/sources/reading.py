"""Reading an image whose identity names what is made of it."""

from __future__ import annotations

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.interfaces import ImageSource, Split


def read_identified(source: ImageSource, image_id: str, split: Split, identity: str) -> Field:
    """Return an image that still is the one that `identity` names; what is made of it is stored under that name.

    Raises:
        InputError: If the image cannot be read, or was replaced meanwhile.
    """
    field = source.read(image_id, split)
    if source.identity(image_id, split) != identity:
        raise InputError("the image was replaced while it was being read; run the same command again.")
    return field
