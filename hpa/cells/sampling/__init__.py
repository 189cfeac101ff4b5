"""Which cells form a batch, and how often each is drawn (`sampling=`)."""
