import functools
import inspect
import pickle
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from jaxtyping import Float, TypeCheckError

from hpa.core.encoding import encode_mask
from hpa.core.label_map import relabel
from hpa.interfaces import CellOutput
from tests.shape_checks import CHECKED, checked, install


def test_functions_of_the_library_are_checked_and_stay_what_they_were():
    with pytest.raises(TypeCheckError, match="Parameter annotations"):
        encode_mask(np.zeros((2, 3, 4), bool))
    assert list(inspect.signature(encode_mask).parameters) == ["mask"]
    assert inspect.getsource(relabel).startswith("def relabel(")
    assert pickle.loads(pickle.dumps(relabel)) is relabel


def test_a_dataclass_is_checked_when_it_is_made():
    features, logits = torch.zeros(3, 8), torch.zeros(3, 19)
    assert CellOutput(features, logits).logits is logits
    with pytest.raises(TypeCheckError, match="cell"):
        CellOutput(features, torch.zeros(2, 19))


def test_every_function_and_constructor_of_a_checked_module_is():
    functions = [
        function
        for name, module in sys.modules.items()
        if f"{name}.".startswith(tuple(f"{package}." for package in CHECKED))
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == name
    ]
    assert functions
    assert all(hasattr(function, "__wrapped__") for function in functions)
    assert hasattr(CellOutput.__init__, "__wrapped__")


def test_shapes_of_arguments_and_results_belong_together():
    @checked
    def doubled(values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"]:
        return np.concatenate([values, values])

    with pytest.raises(TypeCheckError, match="return value"):
        doubled(np.ones(3))
    assert doubled(np.ones(0)).size == 0


def test_methods_of_every_kind_are_checked():
    class Counter:
        @classmethod
        @checked
        def of(cls, start: int) -> int:
            return start

        @staticmethod
        @checked
        def next(number: int) -> int:
            return number + 1

        @functools.cached_property
        @checked
        def wrong(self) -> int:
            return "one"

    assert (Counter.of(1), Counter.next(1)) == (1, 2)
    for call in (lambda: Counter.of("1"), lambda: Counter.next(1.5), lambda: Counter().wrong):
        with pytest.raises(TypeCheckError):
            call()


def test_a_constructor_is_checked_once_however_often_a_dataclass_is_extended():
    @checked
    @dataclass
    class Sized:
        side_px: int

    @checked
    class Named(Sized):
        pass

    made = Sized.__init__
    assert Named.__init__ is made
    assert checked(Sized).__init__ is made
    with pytest.raises(TypeCheckError, match="side_px"):
        Named("3")


def test_modules_imported_too_early_are_reported():
    with pytest.raises(RuntimeError, match=r"hpa\.core\.encoding.*imported before"):
        install()
