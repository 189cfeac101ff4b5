"""The pages of the site that are made from code, and links of pages that also stand in the project's folders.

README.md, CONTRIBUTING.md and such are read on code hosts, where links are paths of files. The site has copies of them
in docs/generated, with links rewritten: to pages where the target is one, to plain text where it is a file of the code.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from docs.settings import settings_page
from hpa import cli

ROOT = Path(__file__).resolve().parents[1]
COPIES = {
    "experiments/README.md": "recipes.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Pages outside docs/ that the site shows, and their names in docs/generated."""
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def write_generated(folder: Path) -> None:
    """Write the pages made from code, and the copies.

    Args:
        folder: Where to; its files of these names are replaced where their text changed.
    """
    folder.mkdir(exist_ok=True)
    pages = {
        name: relinked((ROOT / source).read_text("utf-8"), ROOT / source, folder) for source, name in COPIES.items()
    }
    pages["commands.md"] = commands_page()
    pages["settings.md"] = settings_page(ROOT / "conf")
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text("utf-8") != text:  # Sphinx reads again what is newer
            page.write_text(text, "utf-8")


def commands_page() -> str:
    """Return the page of the commands, from their help."""
    codes = cli.EXIT_CODES.removeprefix("Exit codes: ").removesuffix(".").split("; ")
    rows = ["| code | meaning |", "|---|---|", *(f"| {code.replace(' ', ' | ', 1)} |" for code in codes)]
    lines = ["# Commands", "", cli.DESCRIPTION, "", "## Exit codes", "", *rows, ""]
    for name, text in cli.available_commands().items():
        lines += [f"## hpa {name}", "", f"{text[:1].upper()}{text[1:]}", "", "```text", _help_of(name), "```", ""]
    return "\n".join(lines)


def relinked(text: str, source: Path, folder: Path) -> str:
    """Return a page's text with links that hold where its copy stands.

    Args:
        text: Of the page.
        source: Where it stands in the project.
        folder: Where its copy will be.
    """

    def link(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return match[0]
        path, _, anchor = target.partition("#")
        place = (source.parent / path).resolve()
        name = str(place.relative_to(ROOT)) if place.is_relative_to(ROOT) else ""
        if name in COPIES:
            place = ROOT / "docs" / "generated" / COPIES[name]
        elif not place.is_relative_to(ROOT / "docs"):
            return f"`{name or target}`" if label in (name, target) else f"{label} (`{name or target}`)"
        end = f"#{anchor}" if anchor else ""
        return f"{image}[{label}]({os.path.relpath(place, folder)}{end})"

    return _LINK.sub(link, text)


def mend_links(_: object, page: str, text: list[str]) -> None:
    """Rewrite the links of a page that is about to be read; Sphinx hands its text over in a list."""
    source = ROOT / "docs" / f"{page}.md"
    text[0] = relinked(text[0], source, source.parent)


def drop_signatures_of_protocols(*event: object) -> tuple[str, str] | None:
    """Return no signature for a class that is never made by itself; Sphinx hands over a signature second to last."""
    return ("", "") if event[-2] == "(*args, **kwargs)" else None


def _help_of(name: str) -> str:
    """Return what `hpa NAME --help` prints, 88 columns wide."""
    parser = cli._parser(name)
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    command = commands.choices[name]
    command.formatter_class = _Wide
    return command.format_help().rstrip()


class _Wide(argparse.HelpFormatter):
    """Of one width on every terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=88, max_help_position=28)
