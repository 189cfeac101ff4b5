"""The one LightningModule: it minimises the sum of a strategy's loss terms, whatever the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast, runtime_checkable

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric

from hpa.core.errors import InputError
from hpa.interfaces import BatchAugmentation, Supervision
from hpa.ranks import gathered, share_buffers
from hpa.training.average import WeightAverage
from hpa.training.loss_terms import TermMeans
from hpa.training.optimization import Optimization
from hpa.training.sharding import Company, mesh_of, shard


@runtime_checkable
class Validation(Protocol):
    """Collects the outputs on the validation set and scores them (`metric=`)."""

    @property
    def monitor(self) -> str:
        """The score that chooses the best epoch; higher is better."""

    def reset(self) -> None:
        """Drop everything collected."""

    def update(self, batch: Any, output: Any) -> None:
        """Collect one batch with the model's output."""

    @property
    def collected(self) -> Any:
        """What was collected, to be sent to other processes."""

    def merge(self, of_processes: Any) -> None:
        """Take what all processes collected, as if one had validated everything."""

    def scores(self) -> dict[str, float]:
        """Score what was collected; keys are logged as `val_<key>`, NaN where a score is undefined."""


class TrainingModule(LightningModule):
    """Trains a model under a strategy.

    Attributes:
        model: The network that is trained.
        supervision: The strategy; holds the loss, its own state and parameters.
        average: The moving average of the weights, or None.
        validation: Scores the validation set.
        batch_augmentation: Changes batches of the training set on the network's device, or None.
        identity: Plain facts written into every checkpoint, so that it works without its folder: config, class names,
            channels, seed.
    """

    def __init__(
        self,
        model: nn.Module,
        supervision: Supervision,
        optimization: Optimization,
        validation: Validation,
        identity: Mapping[str, Any],
        batch_augmentation: BatchAugmentation | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.supervision = supervision
        self.optimization = optimization
        self.validation = validation
        self.identity = dict(identity)
        self.batch_augmentation = batch_augmentation
        self.mean_losses = {stage: MeanMetric(nan_strategy="disable") for stage in ("train", "val")}
        self.train_mean, self.val_mean = self.mean_losses["train"], self.mean_losses["val"]  # moved with the module
        self.mean_terms = {stage: TermMeans() for stage in ("train", "val")}
        self._company = Company(0, 0)
        decay = optimization.average_decay
        self.average = WeightAverage(model, decay) if decay > 0 else None

    @property
    def evaluated(self) -> nn.Module:
        """The network to validate and submit: the average where there is one."""
        return self.average.model if self.average is not None else self.model

    @property
    def learning_rate(self) -> float:
        """The peak learning rate, under the name that the range test looks for."""
        return self.optimization.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.optimization.learning_rate = value

    def trained_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the parameters of the model and of the strategy with their names."""
        yield from self.model.named_parameters(prefix="model")
        yield from cast("nn.Module", self.supervision).named_parameters(prefix="supervision")

    def training_step(self, batch: Any, batch_index: int) -> Tensor:  # noqa: ARG002 - the trainer's signature
        """Return the loss of a batch.

        Raises:
            InputError: If the loss is no single number, or not finite; the last checkpoint is left as it was.
        """
        if self.batch_augmentation is not None:
            batch = self.batch_augmentation(batch)
        terms = self.supervision.step(self.model, batch, self._progress()).terms
        loss = _sum_of(terms)
        if not torch.isfinite(loss):
            raise InputError(_not_finite(terms, self.current_epoch + 1))
        self._log_terms("train", terms, loss, len(batch))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Move the average after every optimizer step."""
        stepped = (batch_idx + 1) % self.trainer.accumulate_grad_batches == 0 or self.trainer.is_last_batch
        if self.average is not None and stepped:
            self.average.update(self.model)

    def validation_step(self, batch: Any, batch_index: int) -> None:  # noqa: ARG002
        """Log the loss of a batch and collect its output."""
        result = self.supervision.step(self.evaluated, batch, self._progress())
        if result.terms:  # a detector has none outside training
            self._log_terms("val", result.terms, _sum_of(result.terms), len(batch))
        self.validation.update(batch, result.output)

    def on_validation_epoch_start(self) -> None:
        """Start a new collection, with the same running statistics in every process."""
        share_buffers(self)
        self.validation.reset()
        self.mean_terms["val"] = TermMeans()
        self._company = Company.of(self.trainer)

    def on_validation_batch_end(self, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Keep computing after the last batch where other processes have more: they need this one's weights."""
        del outputs, dataloader_idx
        for _ in range(self._company.batches_after(batch_idx)):
            self.accompany(batch)

    def accompany(self, batch: Any) -> None:
        """Compute for nothing but the weights that this process gives to the others."""
        self.supervision.step(self.evaluated, batch, self._progress())

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the whole validation set, of which each process has seen a share."""
        self.validation.merge(gathered(self.validation.collected))
        for name, value in self.validation.scores().items():
            self.log(f"val_{name}", value)
        self.log_terms("val")

    def log_terms(self, stage: str) -> None:
        """Log the means of the loss's terms at the end of an epoch; every process calls this."""
        for name, value in self.mean_terms[stage].take().items():
            self.log(f"{stage}_loss_{name}", value)

    def configure_model(self) -> None:
        """Spread the weights over all devices where the trainer shards them."""
        if (mesh := mesh_of(self.trainer)) is not None:
            shard(self, mesh, ("training_step", "validation_step", "accompany"))

    def configure_optimizers(self) -> Any:
        """Build the optimizer and a schedule that is stepped after every optimizer step."""
        optimizer = self.optimization.build(self.trained_parameters())
        total_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = self.optimization.schedule.schedule(optimizer, total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the optimization's own clipping; the trainer's settings are not used."""
        del optimizer, gradient_clip_val, gradient_clip_algorithm
        self.optimization.clip(self.trained_parameters())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the identity."""
        checkpoint["hpa"] = self.identity

    def _progress(self) -> float:
        return self.global_step / max(1, int(self.trainer.estimated_stepping_batches))

    def _log_terms(self, stage: str, terms: dict[str, Tensor], loss: Tensor, count: int) -> None:
        # by a metric of its own: of several processes Lightning's mean rounds the number of examples
        self.mean_losses[stage].update(loss.detach().float(), count)
        self.log(f"{stage}_loss", self.mean_losses[stage], on_step=False, on_epoch=True, batch_size=count)
        # from 1 at the trackers too, where Lightning counts from 0
        self.log("epoch", float(self.current_epoch + 1), on_step=False, on_epoch=True, batch_size=count)
        if len(terms) > 1:
            self.mean_terms[stage].update(terms, count)


def _sum_of(terms: Mapping[str, Any]) -> Tensor:
    """Return the sum of the loss's terms.

    Raises:
        InputError: If one of them is no single number: a sum over examples would train, at another learning rate.
    """
    for name, value in terms.items():
        if not isinstance(value, Tensor) or value.ndim:
            came = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise InputError(
                f"loss=, supervision=: a loss must return one number, a tensor of shape (); came {came} (term {name}). "
                "End it with .mean()."
            )
    return torch.stack(list(terms.values())).sum()


def _not_finite(terms: dict[str, Tensor], epoch: int) -> str:
    values = ", ".join(f"{name} {float(value.detach()):g}" for name, value in terms.items())
    return (
        f"The loss is not finite in epoch {epoch} ({values}). Nothing was saved since the last finished epoch. "
        "Try a smaller optimizer.learning_rate, optimizer/clipping=norm or adaptive (networks without normalisation "
        "need it), trainer.precision=fp32, or look at the images of the data set."
    )
