"""From hydra's words for a range of values to the distributions that Optuna samples from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep

from hpa.core.errors import InputError


def split_space(words: Sequence[Override]) -> tuple[list[str], dict[str, Any]]:
    """Return the words that are the same in every trial, and the distribution of each key that is searched.

    Choices are categories, as they are typed; `interval(a,b)` is continuous, `int(interval(a,b))` whole;
    `range(a,b,step)` has steps; `tag(log, …)` searches orders of magnitude.

    Raises:
        InputError: If nothing is searched, or a key cannot be.
    """
    fixed: dict[str, str] = {}
    space: dict[str, Any] = {}
    for word in words:
        key = word.get_key_element()
        fixed.pop(key, None), space.pop(key, None)  # a later word replaces an earlier one
        if word.is_sweep_override():
            space[key] = _distribution(word)
        else:
            fixed[key] = f"{key}={word.get_value_element_as_str()}"
    if not space:
        raise InputError(
            "hydra/sweeper=optuna: nothing is searched; choose hparams_search=, or write e.g. "
            "'optimizer.learning_rate=tag(log,interval(1e-4,1e-2))'."
        )
    return list(fixed.values()), space


def _distribution(word: Override) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value: Any = word.value()
    if isinstance(value, ChoiceSweep):
        return CategoricalDistribution(list(word.sweep_string_iterator()))
    logarithmic = "log" in value.tags
    try:
        if isinstance(value, IntervalSweep):
            whole = isinstance(value.start, int) and isinstance(value.end, int)
            kind: Any = IntDistribution if whole else FloatDistribution
            return kind(value.start, value.end, log=logarithmic)
        if (
            isinstance(value, RangeSweep)
            and isinstance(value.start, int | float)
            and isinstance(value.stop, int | float)
        ):
            if isinstance(value.start, int) and isinstance(value.step, int):
                return IntDistribution(value.start, int(value.stop) - 1, step=value.step)
            return FloatDistribution(value.start, value.stop, step=value.step)
    except ValueError as error:
        raise InputError(f"{word.input_line}: {error}") from error
    raise InputError(f"{word.input_line}: expected choice(…), interval(a,b) or range(a,b,step).")
