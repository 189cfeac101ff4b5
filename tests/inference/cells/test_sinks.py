import pytest

from hpa.config import plain
from hpa.core.errors import InputError
from hpa.inference.cells.workload import sinks_of
from hpa.inference.exports.cells import CellsExport
from hpa.inference.exports.coco import CocoExport
from hpa.inference.exports.label_maps import LabelMapsExport

NAMES = ("Nucleoplasm", "Golgi apparatus")


def also(composed, *overrides):
    return plain(composed("infer", "ckpt=somewhere", *overrides))["also"]


def test_nothing_is_written_beside_the_submission_unless_requested(composed):
    assert sinks_of(also(composed), NAMES) == []


def test_several_are_chosen_together(composed):
    sinks = sinks_of(also(composed, "also=[cells,label_maps,coco]"), NAMES)
    assert [type(sink) for sink in sinks] == [CellsExport, LabelMapsExport, CocoExport]


def test_classes_may_be_named_otherwise_but_not_fewer(composed):
    sinks_of(also(composed, "also=cells", "also.cells.class_names=[nucleus,golgi]"), NAMES)
    with pytest.raises(InputError, match="has 1 names, the run has 2"):
        sinks_of(also(composed, "also=cells", "also.cells.class_names=[nucleus]"), NAMES)
