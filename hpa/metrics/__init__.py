"""Metrics: numpy in, numbers out. Knows neither torch nor Lightning, so that `hpa score` starts at once."""
