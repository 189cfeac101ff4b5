"""Every class that conf/ names fills the role of its slot."""

from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from hpa import interfaces
from hpa.stages.single import Stages
from hpa.supervision.pseudo_label import Teacher
from hpa.supervision.selection import Selection
from hpa.training.optimization import Clipping, Schedule
from tests.roles import assert_class_fills

CONF = Path(__file__).resolve().parents[1] / "conf"
ROLES = {
    "data": interfaces.ImageSource,
    "segmenter": interfaces.Segmenter,
    "supervision": interfaces.Supervision,
    "supervision/pooling": interfaces.Pool,
    "supervision/selection": Selection,
    "supervision/teacher": Teacher,
    "model/target": interfaces.PixelTarget,
    "sampling": interfaces.Sampling,
    "batch_augment": interfaces.BatchAugmentation,
    "fusion": interfaces.Fusion,
    "rules": interfaces.Rule,
    "also": interfaces.CellSink,
    "optimizer/schedule": Schedule,
    "optimizer/clipping": Clipping,
    "stages": Stages,
}
OF_PIXELS = {"loss": interfaces.PixelLoss, "model": interfaces.PixelModel}
OF_CELLS = {"loss": interfaces.Loss, "model": interfaces.CellModel, "augment": interfaces.CellAugmentation}


def named() -> list[tuple[str, str, type]]:
    """List the classes that the files of a slot name, once each, with the role of the slot."""
    found = {}
    for folder in sorted({path.parent for path in CONF.rglob("*.yaml")} - {CONF}):
        slot = str(folder.relative_to(CONF))
        for path in sorted(folder.glob("*.yaml")):
            node = OmegaConf.load(path)
            of_task = OF_PIXELS if node.get("_task_") == "pixels" else OF_CELLS
            role = ROLES.get(slot) or of_task.get(slot)
            if role is not None and node.get("_target_"):
                found[slot, node._target_] = role
    return [(slot, target, role) for (slot, target), role in found.items()]


@pytest.mark.parametrize(("slot", "target", "role"), named(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_named_class_fills_the_role_of_its_slot(slot, target, role):
    assert_class_fills(get_class(target), role)


class Wrong:
    """Plays the part of a pool, as `isinstance` sees it."""

    def __call__(self, bags, count):
        """Return nothing."""


def test_another_signature_is_no_pool():
    assert isinstance(Wrong(), interfaces.Pool)
    with pytest.raises(AssertionError, match=r"bag_of_cell|count"):
        assert_class_fills(Wrong, interfaces.Pool)
