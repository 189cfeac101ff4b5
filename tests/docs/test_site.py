"""The site builds without a warning and without the network; what is made from code holds."""

import re
import subprocess
import sys

import pytest

from docs import settings, site
from hpa.cli import available_commands

pytest.importorskip("sphinx", reason="the extra docs is not installed")


@pytest.mark.slow
def test_it_builds_without_a_warning_and_loads_nothing(tmp_path):
    words = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(tmp_path / "doctrees"), "docs", str(tmp_path / "site")]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], cwd=site.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert len(pages) > 30
    loaded = r'<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"'
    assert not [found for page in pages for found in re.findall(loaded, page.read_text())]
    assert (tmp_path / "site" / "searchindex.js").stat().st_size > 10_000


def test_the_page_of_commands_has_the_help_of_all():
    page = site.commands_page()
    for name in available_commands():
        assert f"\n## hpa {name}\n" in page
        assert f"usage: hpa {name} " in page


def test_settings_have_their_value_and_what_it_means(tmp_path):
    file = tmp_path / "nucleus.yaml"
    file.write_text(
        "# Cells without a nucleus.\n_target_: hpa.cells.crops.CropSpec\nside_px: 64\nmargin: 0.1  # of <its> side\n"
    )
    description, table = settings.section(file, "crop.part")
    assert description == "Cells without a nucleus.\n"
    assert "| `crop.part.side_px` | Side of a crop after resizing. | `64` |" in table
    file.write_text("# @package _global_\nother: [a, b]  # `a_b` of <its>_side\n")
    [table] = settings.section(file, "crop.part")
    assert r"| `other` | `a_b` of \<its>\_side | `[a, b]` |" in table


def test_links_of_a_copy_lead_to_the_same_places(tmp_path):
    text = (
        "[a](docs/views.md#one) [b](experiments/README.md) [c](hpa/cli.py) [d](https://a.org) ![e](docs/pictures/a.jpg)"
    )
    folder = site.ROOT / "docs" / "generated"
    assert site.relinked(text, site.ROOT / "README.md", folder) == (
        "[a](../views.md#one) [b](recipes.md) c (`hpa/cli.py`) [d](https://a.org) ![e](../pictures/a.jpg)"
    )


def test_every_page_is_in_the_index():
    index = (site.ROOT / "docs" / "index.md").read_text()
    for page in (site.ROOT / "docs").rglob("*.md"):
        name = str(page.relative_to(site.ROOT / "docs").with_suffix(""))
        assert name == "index" or re.search(rf"^{name}$", index, flags=re.MULTILINE), name
