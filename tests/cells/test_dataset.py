"""Batches from a real store over fields drawn here."""

import numpy as np
import pytest

from hpa.cells.augmentation import CropAugmentation
from hpa.cells.crops import CropSpec
from hpa.cells.dataset import CellDataset
from hpa.cells.sampling.sampler import BatchRequest
from hpa.cells.store import CellStore
from hpa.core.field import Field, Segmentation
from hpa.core.image_table import ImageTable


class Drawn:
    """Three fields with 1, 2 and 3 square cells; every cell has its own grey value."""

    channels = ("green", "blue")
    class_names = ("a", "b", "c")
    cell_truth = None

    def table(self, split):
        raise NotImplementedError

    def read(self, image_id, split):
        cells = label_map_of(int(image_id))
        pixels = np.stack([(cells * 10 + 20) * (cells > 0), cells * 0 + 5]).astype(np.uint8)
        return Field(image_id, pixels, self.channels, 0.3)

    def identity(self, image_id, split):
        return image_id


class Squares:
    """Segments the drawn fields exactly."""

    channels = ()

    def segment(self, fields):
        return [Segmentation(label_map_of(int(field.image_id))) for field in fields]

    def fingerprint(self):
        return {"name": "squares"}


def label_map_of(count: int) -> np.ndarray:
    cells = np.zeros((20, 60), np.int32)
    for cell in range(count):
        cells[4:14, 4 + cell * 15 : 14 + cell * 15] = cell + 1
    return cells


@pytest.fixture
def stored(tmp_path):
    import pandas as pd

    rows = [
        {"image_id": str(n), "height": 20, "width": 60, "bits": 8, "pixel_um": 0.3, "classes": "0", "source": "drawn",
         "group": str(n), "fold": -1}
        for n in (1, 2, 3)
    ]  # fmt: skip
    table = ImageTable(pd.DataFrame(rows), Drawn.class_names, "drawn")
    spec = CropSpec(("green",), side_px=8, masked=True, margin=0.0)
    return CellStore(tmp_path).prepare(Drawn(), table, "train", Squares(), spec, 1, lambda done, total: None)


IMAGE_TARGETS = np.eye(3, dtype=np.float32)


def test_a_batch_says_whose_cells_it_holds(stored):
    cell_targets = np.full((6, 3), np.nan, np.float32)
    cell_targets[4] = (0, 1, 0)
    dataset = CellDataset(stored, IMAGE_TARGETS, cell_targets, None, seed=0)
    batch = dataset[BatchRequest(0, np.array([5, 0, 4]))]
    assert batch.cell_id.tolist() == [5, 0, 4]
    assert batch.image_of_cell.tolist() == [1, 0, 1]
    assert batch.cells_in_image.tolist() == [1, 3]
    assert batch.image_targets.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert batch.cell_targets[2].tolist() == [0, 1, 0]
    assert batch.cell_targets[:2].isnan().all()
    grey = (batch.crops[:, 0].mean((1, 2)) * 255).round().int()
    assert grey.tolist() == [50, 30, 40]  # third, first, second cell of their images


def test_augmentation_depends_on_seed_epoch_and_cell_alone(stored):
    import albumentations

    augmentation = CropAugmentation(
        [albumentations.RandomBrightnessContrast((0.0, 0.5), (0.0, 0.5), p=1.0)], masked=True
    )
    dataset = CellDataset(stored, IMAGE_TARGETS, None, augmentation, seed=0)

    def crop(epoch, rows):
        return dataset[BatchRequest(epoch, np.array(rows))].crops.numpy()

    assert np.array_equal(crop(0, [2, 3])[1], crop(0, [5, 1, 3])[2])
    assert not np.array_equal(crop(0, [3]), crop(1, [3]))


def test_a_cell_that_is_drawn_again_is_augmented_differently_and_in_another_bag(stored):
    import albumentations

    augmentation = CropAugmentation(
        [albumentations.RandomBrightnessContrast((0.0, 0.5), (0.0, 0.5), p=1.0)], masked=True
    )
    dataset = CellDataset(stored, IMAGE_TARGETS, None, augmentation, seed=0)
    batch = dataset[BatchRequest(0, np.array([3, 4, 3, 0]), np.array([0, 0, 1, 0]))]
    first, _, again, _ = batch.crops.numpy()
    assert np.array_equal(first, dataset[BatchRequest(0, np.array([3]))].crops[0].numpy())
    assert not np.array_equal(first, again)
    assert batch.image_of_cell.tolist() == [1, 1, 2, 0]
    assert batch.image_targets.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert batch.cells_in_image.tolist() == [1, 3, 3]
    assert batch.cell_id.tolist() == [3, 4, 3, 0]
