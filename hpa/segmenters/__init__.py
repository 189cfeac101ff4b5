"""Every way to find the cells of a field: image in, label map out."""
