from __future__ import annotations

import torch

from hpa.models.subcell import timm_names
from tests.models.published_subcell import WIDTH, published, small_subcell


def test_every_published_layer_has_its_place():
    expected = small_subcell(weights=None, channels=["red", "green", "blue", "yellow"]).state_dict()
    found = timm_names(published())
    assert {name: value.shape for name, value in found.items()} == {k: v.shape for k, v in expected.items()}


def test_queries_keys_and_values_are_joined_in_this_order():
    weights = published()
    block = "encoder.encoder.layer.1.attention.attention"
    joined = timm_names(weights)["network.blocks.1.attn.qkv.weight"]
    for index, part in enumerate(("query", "key", "value")):
        assert torch.equal(joined[index * WIDTH : (index + 1) * WIDTH], weights[f"{block}.{part}.weight"])


def test_pools_from_training_and_parts_of_others_are_no_matter():
    weights = published()
    trained = {name.replace("attention_v.0", "attention_v.1"): value for name, value in weights.items()}
    trained |= {"decoder.embed.weight": torch.ones(1), "projector.0.bias": torch.ones(1)}
    assert timm_names(trained).keys() == timm_names(weights).keys()


def test_an_unknown_name_stays_so_that_it_is_refused():
    assert "encoder.pooler.dense.weight" in timm_names({"encoder.pooler.dense.weight": torch.ones(1)})
