"""Every way to segment the cells of a field: image in, label map out."""
