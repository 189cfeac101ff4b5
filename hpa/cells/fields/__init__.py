"""Whole images for networks that see them once (`model.view=whole_image`)."""
