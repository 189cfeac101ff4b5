"""Ways to tell a dense network of instances, and to read them from its planes again: one way, one file, one class."""
