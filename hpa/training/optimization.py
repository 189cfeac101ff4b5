"""How weights are moved: optimizer, schedule, clipping and averaging as one part (`optimizer=`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from hpa.core.errors import InputError
from hpa.training.clipping import Clipping


@runtime_checkable
class Schedule(Protocol):
    """Makes a learning-rate scheduler once the length of the run is known."""

    def schedule(self, optimizer: Optimizer, total_steps: int) -> LRScheduler:
        """Return the scheduler, to be stepped after every optimizer step."""


class Optimization:
    """Builds the optimizer of a model; holds how its gradients are clipped and its weights averaged.

    Weight decay is for matrices and filters only: shifting norms, scales and biases towards zero helps nothing.

    Attributes:
        learning_rate: Peak learning rate.
        average_decay: Decay of the moving average of the weights; 0 validates and saves the plain weights.
    """

    def __init__(
        self,
        optimizer: Callable[..., Optimizer],
        learning_rate: float,
        weight_decay: float,
        schedule: Schedule,
        clipping: Clipping,
        average_decay: float,
    ) -> None:
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clipping
        self.average_decay = average_decay

    def build(self, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        """Return the optimizer of all parameters that are trained, in two groups: with and without decay.

        Raises:
            InputError: If the optimizer refuses its settings.
        """
        trained = [p for _, p in named_parameters if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        try:
            return self.optimizer([group for group in groups if group["params"]], lr=self.learning_rate)
        except (ValueError, TypeError) as error:  # torch checks betas, momentum and others
            raise InputError(f"optimizer: {error}; python train.py --help optimizer lists the settings.") from error
