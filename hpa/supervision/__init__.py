"""Training strategies, one idea a file; what they share: bags of cells, pools, selections of pseudo-labels."""
