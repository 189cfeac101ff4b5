import cv2
import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.label_map import relabel
from hpa.core.planes import PlaneSpec
from hpa.interfaces import Instances, Segmenter
from hpa.segmenters.network import NetworkSegmenter
from tests.discs import discs
from tests.roles import assert_fills


class Brightness:
    """Stands for a trained network: the connected bright parts, with a score and a class each."""

    channels = ("grey",)
    class_names = ("a", "b")
    digest = "abc"

    def __init__(self, pixel_um=None):
        self.spec = PlaneSpec(pixel_um, True, 1.0, 99.8)

    def predict(self, planes):
        label_map = relabel(cv2.connectedComponents((planes[0] > 0.3).astype(np.uint8))[1].astype(np.int32))
        count = int(label_map.max(initial=0))
        return Instances(label_map, np.arange(count, dtype=np.int64), np.linspace(0.9, 0.1, count, dtype=np.float32))


def field_of(picture: np.ndarray, channels=("grey",), pixel_um: float = 0.5) -> Field:
    return Field("some", np.stack([picture] * len(channels)), channels, pixel_um)


def segmenter_of(network=None, cell_channels=None, enlarge=1.0) -> NetworkSegmenter:
    return NetworkSegmenter("RUN", network or Brightness(), cell_channels, enlarge)


def test_it_is_a_segmenter_of_fields_of_any_size_and_depth():
    segmenter = segmenter_of()
    assert_fills(segmenter, Segmenter)
    pictures = [discs(64, 8, 0)[0], discs(96, 8, 1)[0].astype(np.uint16) * 200, np.zeros((5, 300), np.uint8)]
    results = segmenter.segment([field_of(picture) for picture in pictures])
    for picture, result in zip(pictures, results, strict=True):
        assert result.cells.shape == picture.shape
        assert result.cells.dtype == np.int32
    assert results[0].cells.max() > 0
    assert results[2].cells.max() == 0


def test_other_channels_stand_for_those_of_training():
    field = field_of(discs(64, 8, 0)[0], ("red", "blue"))
    with pytest.raises(InputError, match="grey"):
        segmenter_of().segment([field])
    assert segmenter_of(cell_channels=["blue"]).channels == ("blue",)
    assert segmenter_of(cell_channels=["blue"]).segment([field])[0].cells.max() > 0
    with pytest.raises(InputError, match="cell_channels"):
        segmenter_of(cell_channels=["blue", "red"])


@pytest.mark.parametrize("enlarge", [0.5, 2.0])
def test_results_have_the_size_of_the_field_whatever_the_scale_of_the_network(enlarge):
    field = field_of(discs(64, 6, 0)[0])
    plain, scaled = segmenter_of().instances(field), segmenter_of(enlarge=enlarge).instances(field)
    assert scaled.label_map.shape == (64, 64)
    assert ((np.asarray(plain.label_map) > 0) != (np.asarray(scaled.label_map) > 0)).mean() < 0.06
    assert len(scaled.classes) == len(scaled.scores) == scaled.label_map.max()


def test_a_network_of_known_scale_resamples_by_pixel_size():
    field = field_of(discs(64, 6, 0)[0], pixel_um=0.5)
    found = segmenter_of(Brightness(pixel_um=1.0)).instances(field)
    assert found.label_map.shape == (64, 64)


def test_what_decides_the_result_is_in_the_fingerprint():
    fingerprints = [
        segmenter_of().fingerprint(),
        segmenter_of(enlarge=2.0).fingerprint(),
        segmenter_of(cell_channels=["blue"]).fingerprint(),
    ]
    assert len({str(fingerprint) for fingerprint in fingerprints}) == 3
    with pytest.raises(InputError, match="enlarge"):
        segmenter_of(enlarge=0.0)
