import torch
from torch import nn

from hpa.training.average import WeightAverage


def small_model() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_the_average_equals_a_plain_loop():
    model = small_model()
    average = WeightAverage(model, decay=0.9)
    expected = model[0].weight.detach().clone()
    for update in range(1, 6):
        with torch.no_grad():
            model[0].weight.add_(1.0)
        average.update(model)
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * model[0].weight.detach()
    torch.testing.assert_close(average.model[0].weight.detach(), expected)


def test_statistics_are_averaged_and_counters_copied():
    model = small_model().train()
    average = WeightAverage(model, decay=0.5)
    model(torch.randn(8, 3))
    average.update(model)
    assert average.model[1].num_batches_tracked == 1
    assert not torch.equal(average.model[1].running_mean, model[1].running_mean)
    assert average.model[1].running_mean.abs().sum() > 0


def test_the_average_is_never_trained():
    average = WeightAverage(small_model(), decay=0.9)
    average.train()
    assert not average.model.training
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_state_goes_through_a_checkpoint():
    model = small_model()
    one, other = WeightAverage(model, decay=0.9), WeightAverage(small_model(), decay=0.9)
    one.update(model)
    other.load_state_dict(one.state_dict())
    assert int(other.updates) == 1
    torch.testing.assert_close(other.model[0].weight, one.model[0].weight)


def test_a_network_without_buffers_is_averaged():
    model = nn.Linear(1, 1)
    average = WeightAverage(model, 0.5)
    before = average.model.weight.clone()
    with torch.no_grad():
        model.weight += 1
    average.update(model)
    assert before < average.model.weight < model.weight
