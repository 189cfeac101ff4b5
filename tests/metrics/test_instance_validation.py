import numpy as np
import pytest
import torch

from hpa.interfaces import Instances, PixelBatch
from hpa.metrics.instance_validation import InstanceMetric, InstanceValidation
from tests.discs import discs


def batch_of(label_map: np.ndarray, row: int) -> PixelBatch:
    height, width = label_map.shape
    return PixelBatch(
        images=torch.zeros(1, 1, height, width),
        targets=torch.zeros(1, 0, height, width),
        label_maps=torch.from_numpy(label_map[None]),
        instance_classes=(torch.zeros(int(label_map.max()), dtype=torch.int64),),
        image_row=torch.tensor([row]),
    )


def validation() -> InstanceValidation:
    return InstanceValidation(InstanceMetric("ap50"), lambda output: output)


def instances(label_map: np.ndarray) -> list[Instances]:
    return [Instances(label_map, np.zeros(int(label_map.max()), np.int64))]


def test_the_truth_scores_1_and_nothing_scores_0():
    truth = discs(64, 8, 0)[1]
    scored = validation()
    scored.update(batch_of(truth, 0), instances(truth))
    assert scored.scores()["ap50"] == scored.scores()["map"] == scored.scores()["pq50"] == 1
    scored.reset()
    assert scored.scores() == {}
    scored.update(batch_of(truth, 0), instances(np.zeros_like(truth)))
    assert scored.scores()["ap50"] == 0
    assert scored.scores()["count_error"] == -1


def test_images_weigh_the_same_in_the_mean_and_cells_in_the_pool():
    many, few = discs(64, 8, 0)[1], discs(64, 2, 1)[1]
    scored = validation()
    scored.update(batch_of(many, 3), instances(many))
    scored.update(batch_of(few, 5), instances(np.zeros_like(few)))
    assert scored.scores()["ap50"] == 0.5
    assert scored.scores()["pooled_ap50"] == pytest.approx(many.max() / (many.max() + few.max()))
    assert set(scored.predicted) == {3, 5}


def test_dice_is_that_of_all_instances_together():
    truth = discs(64, 8, 0)[1]
    half = np.where(truth <= truth.max() // 2, truth, 0)
    scored = validation()
    scored.update(batch_of(truth, 0), instances(half))
    scored.update(batch_of(truth, 1), instances(truth))
    overlap = 2 * (half > 0).sum() / ((half > 0).sum() + (truth > 0).sum())
    assert scored.scores()["dice"] == pytest.approx((overlap + 1) / 2)
