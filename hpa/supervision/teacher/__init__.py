"""Who says what single cells show while a student learns from labels of images."""
