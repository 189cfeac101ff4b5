"""The segmenter that made the competition's ground truth: two networks, and rules from their output to label maps."""

from hpa.segmenters.hpa_cell.labelling import label_cells as label_cells
