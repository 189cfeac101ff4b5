"""Cells of images that do not fit into memory: tiles that overlap, seams, label maps and tables written in parts."""
