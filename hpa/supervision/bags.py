"""Sums, maxima and softmax over bags of cells that are packed in one axis, whatever the size of each bag.

`bag_of_cell` numbers the bags from 0; the cells of a bag need not be adjacent. Half precision is computed in single
precision, where sums over bags do not overflow.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def to_float32(values: Float[Tensor, "cell class"]) -> Float[Tensor, "cell class"]:
    """Return half precision as float32, other precisions unchanged."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def bag_sum(
    values: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], bag_count: int
) -> Float[Tensor, "bag class"]:
    """Return the sum of each bag.

    >>> bag_sum(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 1, 0]), 2)
    tensor([[5.],
            [2.]])
    """
    values = to_float32(values)
    return values.new_zeros(bag_count, values.shape[1]).index_add(0, bag_of_cell, values)


def bag_mean(
    values: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], bag_count: int
) -> Float[Tensor, "bag class"]:
    """Return the mean of each bag."""
    sizes = bag_of_cell.bincount(minlength=bag_count)[:, None]
    return bag_sum(values, bag_of_cell, bag_count) / sizes


def bag_max(
    values: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], bag_count: int
) -> Float[Tensor, "bag class"]:
    """Return the maximum of each bag; equal values share the gradient."""
    values = to_float32(values)
    index = bag_of_cell[:, None].expand_as(values)
    return values.new_zeros(bag_count, values.shape[1]).scatter_reduce(0, index, values, "amax", include_self=False)


def bag_log_sum_exp(
    values: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], bag_count: int
) -> Float[Tensor, "bag class"]:
    """Return the logarithm of the sum of exponentials of each bag, finite for all finite values."""
    values = to_float32(values)
    largest = bag_max(values.detach(), bag_of_cell, bag_count)
    return bag_sum((values - largest[bag_of_cell]).exp(), bag_of_cell, bag_count).log() + largest


def bag_softmax(
    values: Float[Tensor, "cell class"], bag_of_cell: Int[Tensor, " cell"], bag_count: int
) -> Float[Tensor, "cell class"]:
    """Return weights that sum to 1 in each bag and class."""
    return (to_float32(values) - bag_log_sum_exp(values, bag_of_cell, bag_count)[bag_of_cell]).exp()
