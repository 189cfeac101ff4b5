"""Composition root: configs become objects here and are handed to each other; the only package that knows hydra."""
