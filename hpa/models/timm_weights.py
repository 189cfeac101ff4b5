"""The weights that timm publishes: from the cache of its hub, or fetched; without a network it says so at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
from huggingface_hub import constants
from torch import Tensor

from hpa.core.errors import InputError
from hpa.models.tensor_file import first_line
from hpa.models.weights import RGB

_PATIENCE_S = 5.0
_HTTPS_PORT = 443


def published_weights(name: str) -> dict[str, Tensor]:
    """Return the weights that timm publishes for a network, for red, green, blue.

    Raises:
        InputError: If they are neither in the cache nor can be fetched.
    """
    try:
        with _offline_where_nothing_answers():
            return timm.create_model(name, pretrained=True, in_chans=RGB, num_classes=0).state_dict()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"model.pretrained=true: the weights of '{name}' could not be fetched. Without a network, download them "
            "elsewhere and write model.weights=FILE, or model.pretrained=false to start anew. "
            f"({first_line(error)})"
        ) from error


@contextmanager
def _offline_where_nothing_answers() -> Iterator[None]:
    """Let the hub read its cache alone where its server does not answer: its own six tries take most of a minute."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(address: str) -> bool:
    """Return whether a server takes connections; behind a proxy only the proxy knows."""
    if getproxies():
        return True
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname, parts.port or _HTTPS_PORT), timeout=_PATIENCE_S).close()
    except OSError:
        return False
    return True
