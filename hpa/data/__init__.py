"""From folders to batches: readers, the image table, folds, the cell store, data sets, synthetic worlds."""
