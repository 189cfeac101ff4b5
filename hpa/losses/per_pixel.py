"""Any loss of rows and classes, on planes of pixels: each pixel is a row, each plane a class.

So binary cross-entropy, focal or Lovász losses serve dense networks unchanged, and their class weights weigh planes,
for example rare borders beside the insides (Ronneberger, Fischer and Brox, MICCAI 2015, weighted borders by pixel).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hpa.interfaces import Loss


class PerPixelLoss(nn.Module):
    """The part's loss of all pixels of all images.

    Args:
        part: The loss; its weights of classes, where it has any, are those of planes.
    """

    def __init__(self, part: Loss) -> None:
        super().__init__()
        self.part = part

    def forward(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the part's loss.

        Raises:
            InputError: If the part has weights, but not one for each plane.
        """
        return self.part(_rows(logits), _rows(targets))


def _rows(planes: Float[Tensor, "image plane height width"]) -> Float[Tensor, "pixel plane"]:
    return planes.movedim(1, -1).flatten(0, 2)
