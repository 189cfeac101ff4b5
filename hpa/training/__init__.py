"""The one LightningModule, its optimizers, callbacks and checkpoints."""
