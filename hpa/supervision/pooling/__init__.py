"""Pools: from the cells of an image to what the image shows. Logits in, logits out; packed, without padding."""
