"""Pictures, curves and the one-file page of a run."""
