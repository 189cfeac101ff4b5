"""From fields to batches of cells: crops, their store, sampling, augmentation, the DataModule."""
