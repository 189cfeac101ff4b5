"""Writes the notebook of a bundle in nbformat 4.5, the format that notebook services read."""

from __future__ import annotations

import json
from typing import Any

from hpa.bundle.cells import CODE, TITLE


def notebook_text() -> str:
    """Return the notebook's JSON."""
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": _lines(TITLE)}]
    cells += [_code_cell(name, source) for name, source in CODE.items()]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1) + "\n"


def _code_cell(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": _lines(source),
    }


def _lines(text: str) -> list[str]:
    """Return the lines as a notebook holds them: each but the last with its end."""
    return text.rstrip("\n").splitlines(keepends=True)
