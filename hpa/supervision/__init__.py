"""Strategies: what is told to the model and how. A batch and a model in, named loss terms out."""
