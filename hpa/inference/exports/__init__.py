"""Files beside a submission, for other programs to go on with: each kind a `CellSink` of its own."""
