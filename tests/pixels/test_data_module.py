import numpy as np
import pytest

from hpa.core.artifacts import ArtifactCache
from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.core.planes import PlaneSpec
from hpa.pixels.data_module import PixelDataModule, prepare_images
from hpa.pixels.loading import TileLoading
from hpa.pixels.store import PixelStore
from hpa.pixels.tiles import TileAugmentation, TileSpec
from hpa.sources.fold_plan import FoldPlan
from hpa.sources.instance_folder import InstanceFolder
from tests.discs import write_discs
from tests.pixels.test_tiles import PlainTarget

PLANES = PlaneSpec(None, True, 1.0, 99.8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), 9)


def module_of(
    folder, cache, held_out=0, max_per_image=4, side_px=32, source=None, segmenter=None, first_epoch=0, soft_targets=()
):
    source = source or InstanceFolder(folder, ("grey",), None, {}, "disc")
    store = PixelStore(ArtifactCache(cache), PLANES, ["grey"], PlainTarget(), {})
    images = prepare_images(source, segmenter, store, FoldPlan(3, held_out, 0, False), 1, lambda done, total: None)
    tiles, loading = TileSpec(side_px, max_per_image, PLANES), TileLoading(batch_tiles=4, workers=0)
    augmentation = TileAugmentation(True, True, 0.8, 1.2, [])
    return PixelDataModule(images, tiles, loading, augmentation, 0, first_epoch, soft_targets)


def test_every_image_trains_or_is_held_out_and_kinds_are_spread(folder, tmp_path):
    seen = []
    for held_out in range(3):
        module = module_of(folder, tmp_path, held_out)
        train, validation = module.rows(validation=False), module.rows(validation=True)
        assert sorted([*train, *validation]) == list(range(9))
        assert sorted(module.table.frame["kind"].iloc[validation]) == ["colour", "fluorescence", "fluorescence"]
        seen += list(validation)
    assert sorted(seen) == list(range(9))


def test_an_epoch_has_its_tiles_in_a_new_order_each_time(folder, tmp_path):
    module = module_of(folder, tmp_path)
    tiles = module.training_tiles()
    assert len(tiles) == 6 * 4
    batches = list(module.train_dataloader())
    assert [len(batch) for batch in batches] == [4] * 6
    later = list(module_of(folder, tmp_path, first_epoch=1).train_dataloader())
    again = list(module_of(folder, tmp_path).train_dataloader())
    assert all((one.images == two.images).all() for one, two in zip(batches, again, strict=True))
    assert any((one.image_row != two.image_row).any() for one, two in zip(batches, later, strict=True))
    assert batches[0].images.shape == (4, 1, 32, 32)
    assert batches[0].targets.shape == (4, 2, 32, 32)


def test_held_out_images_come_whole_in_table_order(folder, tmp_path):
    module = module_of(folder, tmp_path)
    batches = list(module.val_dataloader())
    assert [int(batch.image_row[0]) for batch in batches] == list(module.rows(validation=True))
    truth = InstanceFolder(folder, ("grey",), None, {}, "disc").instances(
        module.table.image_ids[int(batches[0].image_row[0])]
    )
    np.testing.assert_array_equal(batches[0].label_maps[0].numpy(), truth.label_map)
    assert batches[0].images.shape == (1, 1, 64, 64)


def test_images_are_prepared_once_and_anew_where_their_truth_changes(tmp_path):
    folder = write_discs(tmp_path / "discs", 3)
    module_of(folder, tmp_path / "cache")
    files = set((tmp_path / "cache").rglob("*.npy"))
    module_of(folder, tmp_path / "cache")
    assert set((tmp_path / "cache").rglob("*.npy")) == files
    (folder / "labels" / "disc_00.png").write_bytes((folder / "labels" / "disc_01.png").read_bytes())
    module_of(folder, tmp_path / "cache")
    assert len(set((tmp_path / "cache").rglob("*.npy"))) == len(files) + 4


class PureImages:
    """Images without outlines, each of one class; the second names two where it is told so."""

    channels = ("grey",)
    class_names = ("round", "square")
    cell_truth = None

    def __init__(self, folder, mixed):
        self._folder = InstanceFolder(folder, ("grey",), None, {}, "disc")
        self._mixed = mixed

    def table(self, split):
        table = self._folder.table(split)
        classes = [str(row % 2) for row in range(len(table))]
        classes[1] = "0|1" if self._mixed else "1"
        return type(table)(table.frame.assign(classes=classes).drop(columns="kind"), self.class_names, "here")

    def read(self, image_id, split):
        return self._folder.read(image_id, split)

    def identity(self, image_id, split):
        return self._folder.identity(image_id, split)


class ByBrightness:
    """Everything bright is one cell."""

    channels = ("grey",)

    def segment(self, fields):
        return [Segmentation((field.pixels[0] > 60).astype(np.int32)) for field in fields]

    def fingerprint(self):
        return {}


def test_outlines_of_a_segmenter_inherit_the_type_of_pure_images(folder, tmp_path):
    module = module_of(folder, tmp_path, source=PureImages(folder, mixed=False), segmenter=ByBrightness())
    for row, image_id in enumerate(module.table.image_ids):
        assert module.store.read(image_id).classes.tolist() == [row % 2]
    with pytest.raises(InputError, match="names 2 classes"):
        module_of(folder, tmp_path, source=PureImages(folder, mixed=True), segmenter=ByBrightness())


class PartlyDrawn(InstanceFolder):
    """Discs whose last three images are not annotated."""

    def __init__(self, folder, unmasked=3):
        super().__init__(folder, ("grey",), None, {}, "disc")
        self._unmasked = unmasked

    def table(self, split):
        table = super().table(split)
        has_truth = np.arange(len(table)) < len(table) - self._unmasked
        organs = np.where(has_truth, "lung", "kidney")
        return table.with_frame(table.frame.assign(has_truth=has_truth, organ=organs, pixel_um=0.5))


def test_images_without_a_truth_train_where_they_have_soft_targets_and_never_validate(folder, tmp_path):
    module = module_of(folder, tmp_path, source=PartlyDrawn(folder))
    held_out, training = module.rows(validation=True), module.rows(validation=False)
    assert max(*held_out, *training) < 6
    without = [row for row in (6, 7, 8) if row not in module.held_out_without_truth()]
    assert len(without) == 2  # one of three folds holds each out
    predicted = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    soft_targets = [(module.table.image_ids[row], predicted) for row in without]
    module = module_of(folder, tmp_path, source=PartlyDrawn(folder), soft_targets=soft_targets)
    assert sorted(module.rows(validation=False)) == sorted([*training, *without])
    assert list(module.rows(validation=True)) == list(held_out)
    batches = list(module.train_dataloader())
    seen = {int(row) for batch in batches for row in batch.image_row}
    assert seen == {*training, *without}
    for batch in batches:
        assert batch.has_truth.tolist() == [int(row) < 6 for row in batch.image_row]
        if batch.soft_targets is not None:
            softened = ~batch.soft_targets.isnan().flatten(1).any(dim=1)
            assert softened.tolist() == [int(row) in without for row in batch.image_row]
            assert float(batch.soft_targets[softened].max()) <= 1
        assert not batch.targets[~batch.has_truth].any()


def test_folds_do_not_depend_on_images_without_a_truth(folder, tmp_path):
    alone = module_of(write_discs(tmp_path / "six", 6), tmp_path / "cache")
    joined = module_of(folder, tmp_path / "cache", source=PartlyDrawn(folder))
    kinds = joined.table.frame["kind"].iloc[:6].tolist()
    assert kinds == alone.table.frame["kind"].tolist()
    assert joined.table.frame["fold"].tolist()[:6] == alone.table.frame["fold"].tolist()


def test_batches_hold_organ_and_the_pixel_size_after_scaling(folder, tmp_path):
    module = module_of(folder, tmp_path, source=PartlyDrawn(folder, unmasked=0))
    batch = next(iter(module.train_dataloader()))
    assert batch.organs == ("lung",) * 4
    # enlarged by 0.8 to 1.2, a pixel of 0.5 µm shows 0.5 / 0.8 to 0.5 / 1.2 µm
    assert ((batch.pixel_um > 0.5 / 1.21) & (batch.pixel_um < 0.5 / 0.79)).all()
    assert len(set(batch.pixel_um.tolist())) > 1
    assert next(iter(module.val_dataloader())).pixel_um.tolist() == [0.5]


def test_soft_targets_are_warped_with_the_tile(folder, tmp_path):
    module = module_of(folder, tmp_path)
    first = module.table.image_ids[int(module.rows(validation=False)[0])]
    image = module.store.read(first)
    module = module_of(folder, tmp_path, soft_targets=[(first, np.asarray(image.planes[0], np.float32))])
    seen = 0
    for batch in module.train_dataloader():
        for index, row in enumerate(batch.image_row.tolist()):
            if module.table.image_ids[row] == first:
                # the target is the image itself: warped alike, both stay alike
                np.testing.assert_allclose(batch.soft_targets[index].numpy(), batch.images[index, 0].numpy(), atol=0.01)
                seen += 1
    assert seen == 4


def test_equal_pictures_have_equal_content(tmp_path):
    folder = write_discs(tmp_path / "discs", 3)
    (folder / "images" / "disc_02.png").write_bytes((folder / "images" / "disc_00.png").read_bytes())
    store = module_of(folder, tmp_path / "cache").store
    first, second, third = (store.content(f"disc_0{number}") for number in range(3))
    assert first == third != second


def test_fewer_images_than_folds_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"has 2 groups of images, and every fold needs one; write folds.count=2"):
        module_of(write_discs(tmp_path / "few", 2), tmp_path / "cache")
