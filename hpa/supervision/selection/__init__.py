"""Which cells of an image are believed to show its labels, given what a teacher says of each."""
