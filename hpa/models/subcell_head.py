"""SubCell's own classifiers as a head: the published predictions for a cell, in the competition's 19 locations.

Order: the 31 classes as SubCellPortable numbers them (Gupta et al., 2024, bioRxiv 2024.12.06.627299). Locations: the
merge that the organisers published beside the competition (`all_locations_merged.json`, Le et al., Nature Methods
19:1221, 2022), whose "No staining" is "Negative" here. Four classes are none of the 19 there, and of none here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.addresses import as_path
from hpa.core.classes import LOCATIONS
from hpa.core.errors import InputError
from hpa.models.heads import FeaturesAndLogits
from hpa.models.weights import differences, read_weights

SUBCELL_LOCATIONS: tuple[tuple[str, int | None], ...] = (
    ("Actin filaments", 9),
    ("Aggresome", 15),
    ("Cell Junctions", 13),
    ("Centriolar satellite", 12),
    ("Centrosome", 12),
    ("Cytokinetic bridge", None),
    ("Cytoplasmic bodies", 17),
    ("Cytosol", 16),
    ("Endoplasmic reticulum", 6),
    ("Endosomes", 17),
    ("Focal adhesion sites", 9),
    ("Golgi apparatus", 7),
    ("Intermediate filaments", 8),
    ("Lipid droplets", 17),
    ("Lysosomes", 17),
    ("Microtubules", 10),
    ("Midbody", None),
    ("Mitochondria", 14),
    ("Mitotic chromosome", None),
    ("Mitotic spindle", 11),
    ("Nuclear bodies", 5),
    ("Nuclear membrane", 1),
    ("Nuclear speckles", 4),
    ("Nucleoli", 2),
    ("Nucleoli fibrillar center", 3),
    ("Nucleoli rim", None),
    ("Nucleoplasm", 0),
    ("Peroxisomes", 17),
    ("Plasma membrane", 13),
    ("Vesicles", 17),
    ("Negative", 18),
)
"""Name and location of each class, None for those that the competition does not have."""
_HIDDEN = (512, 256)
_MIN_PROBABILITY = 1e-6
"""Keeps logits finite where the classifiers are certain."""


class SubCellHead(nn.Module):
    """Mean of the published classifiers over their 31 classes, and of the classes of one location the maximum.

    It can be trained further, from the published classifiers.

    Attributes:
        feature_count: Length of the features it returns, which are those it was given.

    Args:
        feature_count: Length of a feature vector.
        class_count: 19, the competition's locations.
        count: How many classifiers.
        weights: Their local files, or None.

    Raises:
        InputError: If the classes are others, files are not as many as classifiers, or one does not fit.
    """

    def __init__(self, feature_count: int, class_count: int, count: int, weights: Sequence[str] | None) -> None:
        super().__init__()
        if class_count != len(LOCATIONS):
            raise InputError(
                f"model/head=subcell predicts the {len(LOCATIONS)} locations, the data set has {class_count} classes."
            )
        if weights is not None and len(weights) != count:
            raise InputError(f"model.head.weights names {len(weights)} files for model.head.count={count} classifiers.")
        self.feature_count = feature_count
        self.classifiers = nn.ModuleList(_classifier(feature_count) for _ in range(count))
        for classifier, file in zip(self.classifiers, weights or (), strict=False):
            _fill(classifier, file)

    def forward(self, pooled: Float[Tensor, "cell feature"]) -> FeaturesAndLogits:
        """Return the features as they came, and logits of the 19 locations."""
        probabilities = torch.stack([classifier(pooled).sigmoid() for classifier in self.classifiers]).mean(dim=0)
        locations = [probabilities[:, _CLASSES_OF[location]].amax(dim=1) for location in range(len(LOCATIONS))]
        return pooled, torch.stack(locations, dim=1).logit(eps=_MIN_PROBABILITY)


_CLASSES_OF = [
    [number for number, (_, place) in enumerate(SUBCELL_LOCATIONS) if place == location]
    for location in range(len(LOCATIONS))
]


def _classifier(feature_count: int) -> nn.Sequential:
    first, second = _HIDDEN
    return nn.Sequential(
        nn.Linear(feature_count, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Linear(second, len(SUBCELL_LOCATIONS)),
    )


def _fill(classifier: nn.Module, file: str) -> None:
    found = read_weights(as_path(file))
    problems = differences(classifier.state_dict(), found)
    if problems:
        raise InputError(f"model.head.weights: '{file}' does not fit a classifier of SubCell: {'; '.join(problems)}.")
    classifier.load_state_dict(found)
