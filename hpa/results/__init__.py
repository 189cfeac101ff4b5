"""Cells that were found and classified, read back from whatever file holds them, with their images."""
