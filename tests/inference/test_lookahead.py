import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.inference.lookahead import map_ahead


@pytest.fixture(scope="module")
def executor():
    with ThreadPoolExecutor(3) as executor:
        yield executor


@given(items=st.lists(st.integers()), ahead=st.integers(0, 5))
def test_results_come_in_the_order_of_the_items(executor, items, ahead):
    assert list(map_ahead(executor, lambda item: item + 1, items, ahead)) == [item + 1 for item in items]


def test_order_holds_when_early_items_take_longest(executor):
    assert list(map_ahead(executor, lambda wait: time.sleep(wait) or wait, [0.02, 0.01, 0.0], 2)) == [0.02, 0.01, 0.0]


@given(ahead=st.integers(0, 5), read=st.integers(1, 10))
def test_no_more_items_are_drawn_than_requested(executor, ahead, read):
    items = iter(range(100))
    results = map_ahead(executor, str, items, ahead)
    for _ in range(read):
        next(results)
    assert next(items) == read + ahead


def test_an_error_comes_at_its_place(executor):
    results = map_ahead(executor, lambda item: 1 // item, [2, 1, 0, 1], 3)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
