"""What the cells of an image show, given the network's predictions and the image's labels, which may be wrong.

An image truly has a class or has it not. If it has, each of its cells shows it with probability 1/2 before it is looked
at; if it has not, none does. Its label agrees, up to false negatives and false positives. Both steps are Bayes' rule;
the sum over all cells of an image has a closed form.

Cells of an image resemble each other, so their evidence is not independent: their sum would be far too certain, and
images of a look-alike would count as missing labels. The log odds of an image are therefore slope x evidence + offset,
fitted to the labels together with the rates by expectation-maximisation: a logistic curve between the false-positive
rate and one minus the false-negative rate (Raykar et al., JMLR 11:1297, 2010, for labels of several annotators; label
noise of classes: Patrini et al., 2017, arXiv:1609.03683; an image and its regions: Papandreou et al., 2015,
arXiv:1502.02734). Derivation and what cannot be identified: docs/weak_labels.md.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.supervision.bags import bag_sum, to_float32
from hpa.supervision.label_rates import BOUND, RatePrior, Rates, given_rates

CONFIDENT = 12.0
"""Logits beyond are cut: half precision says no more than that, and one cell shall not outweigh a thousand."""
SLOPES = (0.02, 1.0)
"""1 where cells are independent given the class of their image; resemblance only weakens what they say together."""
USUAL_SLOPE, SLOPE_PRECISION, OFFSET_PRECISION = 1.0, 4.0, 0.0625
"""Weak normal priors (offset: around the frequency of labels), so that classes without a positive have an answer."""
ITERATIONS = 50
MIN_SHOWN = 1e-6
"""Probabilities nearer to 0 or 1 are rounding."""
LEAST = 0.01
"""Probabilities from differences of probabilities are not known more closely."""


def logits_of_classes(
    label_logits: Float[Tensor, "cell class"], label_share: Float[Tensor, " class"]
) -> Float[Tensor, "cell class"]:
    """Return the logits that cells show classes, from predictions of the labels of their images.

    The image of a cell that shows a class has it; that of another cell has it all the same with some probability b. So
    a label is predicted with p + (1 - p) b, which is solved for p. Where half the cells of an image show its classes,
    and images have them with probability s, b = s / (2 - s) (the correction of losses for label noise: Patrini et al.,
    2017).

    Args:
        label_logits: Logits that the image of each cell has each label.
        label_share: Mean of their probabilities.
    """
    otherwise = (label_share / (2 - label_share)).clamp(max=1 - LEAST)
    shown = (label_logits.sigmoid() - otherwise) / (1 - otherwise)
    return shown.clamp(LEAST, 1 - LEAST).logit()


def given_some_class(shown: Float[Tensor, "cell class"]) -> Float[Tensor, "cell class"]:
    """Return the probability that each cell shows each class, given that it shows one at least.

    Of two labels of an image, a cell that clearly shows one need not show the other; a cell that shows neither clearly
    shows what it resembles most. Where exactly one class is possible, these are partial labels (Jin and Ghahramani,
    NeurIPS 2002; Lv et al., ICML 2020, arXiv:2002.08053).

    Args:
        shown: Probabilities of each class by itself, independent of the others.
    """
    bounded = to_float32(shown).clamp(MIN_SHOWN, 1 - MIN_SHOWN)
    some = -torch.expm1(torch.log1p(-bounded).sum(dim=1, keepdim=True))
    return (bounded / some).clamp(max=1)


class ImagePosterior(nn.Module):
    """Posterior probability that each cell shows each class; its state is saved and resumed.

    Args:
        false_negative_rate: Probability that an image lacks the label of a class that it has, in (0, 1): one number,
            one a class, or "estimated".
        false_positive_rate: Probability that an image has the label of a class that it has not, likewise.
        prior: Of rates that are estimated.
        class_count: Number of classes.

    Raises:
        InputError: If a rate is out of its range, or there are neither one nor as many as classes.
    """

    false_negative_rate: Tensor
    false_positive_rate: Tensor
    cell_share: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(
        self, false_negative_rate: Rates, false_positive_rate: Rates, prior: RatePrior, class_count: int
    ) -> None:
        super().__init__()
        self.prior = prior
        self.estimated: set[str] = set()
        for name, values in (
            ("false_negative_rate", false_negative_rate),
            ("false_positive_rate", false_positive_rate),
        ):
            given = given_rates(name, values, class_count)
            if given is None:
                self.estimated.add(name)
            rates = torch.tensor([prior.share]) if given is None else given
            self.register_buffer(name, rates.expand(class_count).clone())
        self.register_buffer("cell_share", torch.full((class_count,), 0.5))
        self.register_buffer("slope", torch.full((class_count,), USUAL_SLOPE))
        self.register_buffer("offset", torch.zeros(class_count))

    def forward(
        self,
        logits: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
        image_targets: Float[Tensor, "image class"],
    ) -> Float[Tensor, "cell class"]:
        """Return the probability that each cell shows each class, given all cells of its image and its labels."""
        if_image_has = to_float32(logits).clamp(-CONFIDENT, CONFIDENT) - self.cell_share.logit()
        evidence = self._evidence(logits, image_of_cell, len(image_targets))
        return self._image_has(evidence, image_targets)[image_of_cell] * if_image_has.sigmoid()

    @torch.no_grad()
    def fit(
        self,
        logits: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
        image_targets: Float[Tensor, "image class"],
    ) -> None:
        """Fit the curve, and the rates that are estimated, to whole images; continues from the fit before.

        Args:
            logits: Of all cells of these images.
            image_of_cell: The row of each cell's image in `image_targets`.
            image_targets: Labels, 0 or 1.
        """
        if not len(logits):
            return
        bounded = to_float32(logits).clamp(-CONFIDENT, CONFIDENT)
        self.cell_share.copy_(bounded.sigmoid().mean(dim=0).clamp(BOUND, 1 - BOUND))
        seen = image_of_cell.bincount(minlength=len(image_targets)) > 0  # an image without cells is no evidence
        evidence = self._evidence(logits, image_of_cell, len(image_targets))[seen]
        labels = to_float32(image_targets[seen])
        usual = ((labels.sum(dim=0) + 1) / (len(labels) + 2)).logit()
        for _ in range(ITERATIONS):
            self._fit_curve(evidence, self._image_has(evidence, labels), usual)
            self._estimate_rates(self._image_has(evidence, labels), labels)

    def _evidence(
        self, logits: Float[Tensor, "cell class"], image_of_cell: Int[Tensor, " cell"], image_count: int
    ) -> Float[Tensor, "image class"]:
        """Return the log of how much more probable an image's cells are if it has a class; 0 without cells."""
        shift = to_float32(logits).clamp(-CONFIDENT, CONFIDENT) - self.cell_share.logit()
        return bag_sum(
            torch.logaddexp(shift, torch.zeros_like(shift)) - torch.tensor(2.0).log(), image_of_cell, image_count
        )

    def _image_has(
        self, evidence: Float[Tensor, "image class"], labels: Float[Tensor, "image class"]
    ) -> Float[Tensor, "image class"]:
        """Return the probability that each image truly has each class."""
        missed, invented = self.false_negative_rate, self.false_positive_rate
        if_labeled = ((1 - missed) / invented).log()
        if_unlabeled = (missed / (1 - invented)).log()
        from_label = labels * if_labeled + (1 - labels) * if_unlabeled
        return (self.slope * evidence + self.offset + from_label).sigmoid()

    def _fit_curve(
        self, evidence: Float[Tensor, "image class"], has: Float[Tensor, "image class"], usual: Float[Tensor, " class"]
    ) -> None:
        """Take one bounded Newton step of the logistic regression of `has` on evidence."""
        chance = (self.slope * evidence + self.offset).sigmoid()
        weight, missing = chance * (1 - chance), has - chance
        by_slope = (missing * evidence).sum(dim=0) - SLOPE_PRECISION * (self.slope - USUAL_SLOPE)
        by_offset = missing.sum(dim=0) - OFFSET_PRECISION * (self.offset - usual)
        slopes = (weight * evidence.square()).sum(dim=0) + SLOPE_PRECISION
        both, offsets = (weight * evidence).sum(dim=0), weight.sum(dim=0) + OFFSET_PRECISION
        determinant = slopes * offsets - both.square()
        self.slope += ((offsets * by_slope - both * by_offset) / determinant).clamp(-0.2, 0.2)
        self.offset += ((slopes * by_offset - both * by_slope) / determinant).clamp(-2, 2)
        self.slope.clamp_(*SLOPES)
        self.offset.clamp_(-20, 20)

    def _estimate_rates(self, has: Float[Tensor, "image class"], labels: Float[Tensor, "image class"]) -> None:
        """Set the rates that are estimated to their modes, given which images truly have which class."""
        if "false_negative_rate" in self.estimated:
            rate = self.prior.estimate((has * (1 - labels)).sum(dim=0), has.sum(dim=0))
            self.false_negative_rate.copy_(rate.clamp(BOUND, 1 - BOUND))
        if "false_positive_rate" in self.estimated:
            # The prior is on the share of labels that are invented: a rate that is small for a frequent class would
            # explain all labels of a rare one.
            invented = self.prior.estimate(((1 - has) * labels).sum(dim=0), labels.sum(dim=0))
            rate = invented * labels.sum(dim=0) / (1 - has).sum(dim=0).clamp(min=1)
            self.false_positive_rate.copy_(rate.clamp(BOUND / len(labels), 1 - BOUND))
