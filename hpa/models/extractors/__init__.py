"""Published networks that give features of cells and are not trained on: parts of `model=frozen`."""
