"""The cells of an image are a bag, and only the bag has labels (Dietterich, Lathrop and Lozano-Perez, 1997).

No cell is told anything by itself: the pool decides how cells make an image, and so which cells a label teaches. On
microscopy of proteins: Kraus, Ba and Frey, 2016, arXiv:1511.05286.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.interfaces import CellBatch, Loss, Pool, Unit
from hpa.supervision.bags import bag_loss


class MultipleInstanceSupervision(nn.Module):
    """Loss between the pooled cells of each image and the image's labels.

    Args:
        loss: Compares logits with targets.
        pooling: From cells to images.
    """

    unit: Unit = "image"

    def __init__(self, loss: Loss, pooling: Pool) -> None:
        super().__init__()
        self.loss = loss
        self.pooling = pooling

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `bag`."""
        del progress  # the start and the end of training are taught alike
        return {"bag": bag_loss(self.loss, self.pooling, model(batch), batch)}
