"""Measurements of segmented cells: shape, intensity, texture, neighbours; all cells of a field at once."""
