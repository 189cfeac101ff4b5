"""A process that trains a run beside the first one, or for a sweep: `python -m hpa.app.rank RUN`.

Started by hpa/training/launch.py.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import warnings

from hpa.app.main import EXIT_INTERRUPTED, exit_code
from hpa.app.streams import outlast_readers
from hpa.core.project_folder import project_folder

_POLL_S = 1.0


def main() -> int:
    """Train the run that the command line names, and return the exit code; end with the process that started this."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    from hpa.app.fitting import train_rank
    from hpa.app.train import resume
    from hpa.training.run_folder import RunFolder

    run = sys.argv[1]
    if "LOCAL_RANK" not in os.environ:
        return resume(run, [], project_folder() / "conf")
    logging.disable(logging.WARNING)  # the first process says the same
    warnings.simplefilter("ignore")
    return train_rank(RunFolder.open(run))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(EXIT_INTERRUPTED)  # the other processes are gone, and what is shared with them is waited for in vain


if __name__ == "__main__":
    outlast_readers()
    sys.exit(exit_code(main))
