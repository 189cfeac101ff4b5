import shutil
from functools import partial

import pytest
import torch

from hpa.core.errors import InputError
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.compilation import COMPILERS, compiled
from hpa.interfaces import CellBatch
from hpa.models.crop import CropModel
from hpa.models.heads import LinearHead

CPU = torch.device("cpu")


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:The distutils package:DeprecationWarning")  # inside the compiler, in Python 3.11
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C++ compiler on this machine")
def test_a_compiled_network_says_the_same_of_batches_of_any_length():
    torch.manual_seed(0)
    head = partial(LinearHead, drop_rate=0.0, prior=0.1)
    model = CropModel("test_resnet", head, 4, 5, None, False, 0.0, None, 0.2, 0.2)
    plain = ModelPredictor(model, CPU, "bf16")
    fast = ModelPredictor(model, CPU, "bf16", compiles=True)
    for cells in (6, 3):
        crops = torch.rand(cells, 4, 32, 32)
        batch = CellBatch(
            crops, torch.zeros(cells).long(), torch.arange(cells), torch.tensor([cells]), torch.zeros(1, 5)
        )
        expected, found = plain.predict(batch), fast.predict(batch)
        torch.testing.assert_close(found.probabilities, expected.probabilities, atol=0.005, rtol=0)
        torch.testing.assert_close(found.features, expected.features, atol=0.02, rtol=0.02)


def test_without_a_compiler_it_says_what_to_do(brightness_model, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"needs a C\+\+ compiler .* compile=false"):
        compiled(brightness_model(), CPU)
