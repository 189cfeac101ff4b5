"""Inference on cells: segment a field, classify its cells, write their masks and confidences."""
