"""What only a person at a terminal sees: coloured logs, and the settings of a run as a tree at its start."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

from hpa.config import Config

_HIDDEN = ("hydra", "print_config")
_SHOWN_SLOTS = ("data", "segmenter", "model", "supervision", "loss")


def configure_logs() -> None:
    """Log to stderr: in colours where a person reads it, as plain lines where it is piped."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler
        from tqdm import tqdm

        class AboveBars(RichHandler):
            """Writes lines above a progress bar, not into it."""

            def emit(self, record: logging.LogRecord) -> None:
                with tqdm.external_write_mode(file=sys.stderr):
                    super().emit(record)

        handler = AboveBars(console=Console(stderr=True), show_time=False, show_path=False)
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    else:
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("hpa").setLevel(logging.INFO)


def parts_in_words(choices: Mapping[str, str]) -> str:
    """Return the parts that decide most about a training, as one types them."""
    return " ".join(f"{slot}={choices[slot]}" for slot in _SHOWN_SLOTS if choices.get(slot, "null") != "null")


def show_config(config: Config) -> None:
    """Print the settings of a run as a tree, unless `print_config` is false or stderr is piped."""
    if not config.get("print_config", True) or not sys.stderr.isatty():
        return
    from rich.console import Console
    from rich.tree import Tree

    tree = Tree("settings", guide_style="dim")
    for slot, values in config.items():
        if slot not in _HIDDEN:
            _add(tree, slot, values)
    Console(stderr=True).print(tree)


def _add(tree: Any, name: str, value: Any) -> None:
    from rich.text import Text

    if not isinstance(value, dict) or not value:
        tree.add(Text.assemble((name, "bold"), f": {_written(value)}"))
        return
    part = str(value.get("_target_", "")).rpartition(".")[2]
    branch = tree.add(Text.assemble((name, "bold"), ("  " + part if part else "", "cyan")))
    for key, inner in value.items():
        if not str(key).startswith("_"):
            _add(branch, str(key), inner)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    if isinstance(value, dict) and value:
        return str(value.get("_target_", value)).rpartition(".")[2]
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
