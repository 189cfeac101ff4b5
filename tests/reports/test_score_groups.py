import numpy as np
import pandas as pd
import pytest

from hpa.reports.score_groups import grouped_scores


@pytest.fixture
def many(facts_with, facts):
    """The run eight times over: cells at the edge are ranked wrongly, those inside rightly."""
    cells = pd.concat([facts.cells] * 8, ignore_index=True)
    truth = np.tile(facts.cell_targets, (8, 1))
    at_edge = np.arange(len(cells)) % 2 == 0
    probabilities = np.where(at_edge[:, None], 1 - truth, truth).astype(np.float32) * 0.5 + 0.2
    measures = pd.DataFrame({"area_px": np.arange(len(cells)) + 1, "edge_px": at_edge * 3})
    return facts_with(
        cells=cells, cell_targets=truth, image_targets=truth, probabilities=probabilities, measures=measures
    )


def test_cells_at_the_edge_are_scored_apart(many):
    by_title = {scores.title: scores for scores in grouped_scores(many)}
    inside, edge = by_title["Edge of the image"].groups
    assert (inside.name, inside.cells, inside.score) == ("inside", 72, 1.0)
    assert edge.score < edge.chance + 0.2
    assert [group.cells for group in by_title["Area of the cell, px"].groups] == [36] * 4
    assert sum(group.cells for group in by_title["Brightness of green, % of the range"].groups) == 144


def test_too_few_cells_or_none_make_no_groups(facts, facts_without_cells):
    assert grouped_scores(facts_without_cells) == []
    assert all(group.cells >= 10 for scores in grouped_scores(facts) for group in scores.groups)
