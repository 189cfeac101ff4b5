"""Map a function over a stream in threads: in order, some items ahead, never all of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

from hpa.core.interrupts import raise_lost_interrupt

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    executor: Executor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
    weight: Callable[[Item], float] = lambda _: 1.0,
    max_weight: float = 0.0,
) -> Iterator[Result]:
    """Yield `function(item)` in the order of the items, working on items beyond the one that is read.

    `Executor.map` would draw all items at once (before Python 3.14), so that a slow reader of the results would hold
    the whole data set in memory.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(map_ahead(pool, str.upper, ["a", "b", "c"], ahead=1))
    ['A', 'B', 'C']

    Args:
        executor: Its threads do the work.
        function: What is done.
        items: What it is done to; drawn when it is needed.
        ahead: How many items are begun beyond the one that is read, however heavy they are.
        weight: How heavy an item is, e.g. in memory.
        max_weight: More items are begun as long as all those that wait weigh no more than this.
    """
    waiting: deque[tuple[Future[Result], float]] = deque()
    for item in items:
        raise_lost_interrupt()
        waiting.append((executor.submit(function, item), weight(item)))
        while len(waiting) > ahead and sum(heavy for _, heavy in waiting) > max_weight:
            yield waiting.popleft()[0].result()
    while waiting:
        yield waiting.popleft()[0].result()
