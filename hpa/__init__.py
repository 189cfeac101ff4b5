"""Single-cell protein localisation from weak image labels: segment, learn, predict, submit."""

import os

# albumentations looks up its newest version at import; a machine at a microscope may have no network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

__version__ = "0.1.0"
