"""Single-cell protein localisation from weak image labels: segment, learn, predict, submit."""

import os

# albumentations asks the network for its newest version at import; a facility's machine may have no network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

__version__ = "0.1.0"
