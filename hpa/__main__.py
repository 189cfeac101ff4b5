"""`python -m hpa COMMAND`: the `hpa` command of this very interpreter, where no program is installed."""

import sys

from hpa.cli import main

if __name__ == "__main__":  # pytest and tests of imports read this module too
    sys.exit(main())
