from __future__ import annotations

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.models.subcell_head import SUBCELL_LOCATIONS, SubCellHead


def published(feature_count: int = 24) -> nn.Sequential:
    return nn.Sequential(nn.Linear(feature_count, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 31))


def test_a_location_has_the_highest_probability_of_its_classes_in_the_mean_of_classifiers(tmp_path):
    classifiers, files = [published(), published()], []
    for number, classifier in enumerate(classifiers):
        files.append(str(tmp_path / f"{number}.pth"))
        torch.save(classifier.state_dict(), files[-1])
    pooled = 3 * torch.randn(5, 24)
    with torch.inference_mode():
        features, logits = SubCellHead(24, 19, count=2, weights=files)(pooled)
        probabilities = (classifiers[0](pooled).sigmoid() + classifiers[1](pooled).sigmoid()) / 2
    assert torch.equal(features, pooled)
    for location, column in enumerate(logits.sigmoid().T):
        classes = [number for number, (_, place) in enumerate(SUBCELL_LOCATIONS) if place == location]
        expected = torch.stack([probabilities[:, number] for number in classes]).max(dim=0).values
        torch.testing.assert_close(column, expected, atol=1e-5, rtol=1e-4)


def test_it_can_be_trained_further():
    head = SubCellHead(24, 19, count=1, weights=None)
    head(torch.randn(5, 24))[1].sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_sure_classifiers_give_finite_logits():
    head = SubCellHead(24, 19, count=1, weights=None)
    nn.init.constant_(head.classifiers[0][-1].bias, 1000.0)
    assert head(torch.zeros(1, 24))[1].isfinite().all()


def test_what_does_not_fit_is_refused(tmp_path):
    torch.save(published(7).state_dict(), tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"0\.weight \(512, 7\) instead of \(512, 24\)"):
        SubCellHead(24, 19, count=1, weights=[str(tmp_path / "other.pth")])
    with pytest.raises(InputError, match=r"2 files for model\.head\.count=1"):
        SubCellHead(24, 19, count=1, weights=["a", "b"])
    with pytest.raises(InputError, match="the data set has 2 classes"):
        SubCellHead(24, 2, count=1, weights=None)
