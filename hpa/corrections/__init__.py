"""Cells corrected by hand: the table of corrections, and label maps after them."""
