"""Single-cell protein localisation from weak image labels: segment, learn, predict, submit."""

import os

# albumentations looks up its newest version at import; a machine at a microscope may have no network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# Threads of OpenMP that have nothing to do spin and take the cores from another busy process: both become several times
# slower (docs/explanation/reproducibility.md). Read when torch is loaded, so it stands before any import of it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
