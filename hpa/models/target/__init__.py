"""Ways to encode instances as planes for a dense network, and to decode its planes: one way, one file, one class."""
