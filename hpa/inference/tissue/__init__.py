"""Inference on tissue: the probability of every pixel, its threshold, the run-length mask of an image."""
