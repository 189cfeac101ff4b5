"""Whole images for networks that read them once (`model.view=whole_image`)."""
