"""Stains of tissue: measured, compared, matched and varied."""
