"""Losses on logits: one idea, one file, one class, one paper."""
