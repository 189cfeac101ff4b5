"""The segmenter that made the competition's truth: two networks, and rules that make label maps of what they say."""

from hpa.segmenters.hpa_cell.labelling import label_cells as label_cells
