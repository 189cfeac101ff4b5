"""Rules that change confidences after the network, each one a class and a YAML file of its own."""
