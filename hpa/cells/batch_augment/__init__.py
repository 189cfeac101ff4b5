"""What is changed in a whole batch, where the network is (`batch_augment=`)."""
