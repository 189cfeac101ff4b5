"""The page of a run: one HTML file that needs nothing else, to be read in a browser, mailed or archived.

No script, no network: styles and drawings are inline, pictures are embedded, and a content policy in the file forbids
the browser to fetch anything.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from hpa.core.whole_file import whole_file
from hpa.reports.class_scores import class_scores
from hpa.reports.environment import environment
from hpa.reports.facts import RunFacts
from hpa.reports.fields import field_views
from hpa.reports.gallery import class_galleries
from hpa.reports.learning_curves import learning_charts
from hpa.reports.mixing import mixing_rows
from hpa.reports.summary import summary


def write_run_page(path: Path, facts: RunFacts) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file, e.g. RUN/report.html; its folder is made.
        facts: The run.

    Raises:
        DiskFullError: If the disk is full; an older page stays as it was.
    """
    page = render_run_page(facts).encode()
    with whole_file(path, len(page)) as file:
        file.write(page)


def render_run_page(facts: RunFacts) -> str:
    """Return the HTML of the page; every name and text in it is escaped."""
    templates = Environment(
        loader=PackageLoader("hpa.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("run_page.html.jinja").render(
        facts=facts,
        figures=summary(facts),
        learning=learning_charts(facts.history, facts.best_epoch),
        history=facts.history,
        scores=class_scores(facts),
        fields=field_views(facts),
        galleries=class_galleries(facts),
        mixing=mixing_rows(facts),
        environment=environment(facts.seed, facts.commit),
    )
