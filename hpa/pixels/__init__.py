"""From images to batches of tiles for dense networks: the store, tiles, stain, the DataModule."""
