"""`hpa explore`: look at all cells of a result in a browser, and correct them."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from hpa.core.counts import counted
from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.explorer.collection import Collection

HELP = "look at all cells of a result in a browser: map, gallery, filters; correct them for train.py"
_DESCRIPTION = """Serves a page on this machine only, at an address with a token. What is corrected is written at once,
to a table that train.py data.corrections=FILE reads."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. {_DESCRIPTION}"
    parser.add_argument(
        "cells",
        metavar="RUN|SUBMISSION|CELLS|LABEL_MAPS",
        type=Path,
        help="a run, submission.csv, submission.cells.parquet (also=cells), FOUND.json, or label maps",
    )
    parser.add_argument("overrides", nargs="*", help="the images: data.root=DIR (of a submission: data=kaggle_hpa)")
    parser.add_argument(
        "--corrections", metavar="FILE.csv", type=Path, help="the table (corrections.csv beside what is explored)"
    )
    parser.add_argument("--who", metavar="NAME", help="who corrects (the name of the user)")
    parser.add_argument("--read-only", action="store_true", help="write nothing")
    parser.add_argument("--map", choices=("pca", "umap"), default="pca", help="how the map is made")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1 (one that is free)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until it is interrupted.

    Raises:
        InputError: If the cells cannot be read, somebody else corrects them, or the port is taken.
    """
    try:
        import starlette  # noqa: F401 - only whether it is there
        import uvicorn
    except ImportError as error:
        raise InputError("hpa explore needs: pip install 'hpa-cells[explore]'.") from error
    from hpa.corrections.journal import open_journal
    from hpa.explorer.collection import Collection
    from hpa.explorer.guard import HOST
    from hpa.explorer.server import explorer
    from hpa.results.labels import with_labels
    from hpa.results.opening import open_cells
    from hpa.results.where_looked import WhereLooked

    found, images = open_cells(arguments.cells, arguments.overrides)
    table, categories = with_labels(found.table(), found.class_names, images.source)
    for problem in table.problems:
        print(f"left out   {problem.subject}: {problem.reason}")
    if not table.image_ids:
        raise InputError(f"{arguments.cells}: there is no image to explore; those left out are named above.")
    path: Path = arguments.corrections or arguments.cells.parent / "corrections.csv"
    with contextlib.ExitStack() as stack:
        journal = None if arguments.read_only else stack.enter_context(open_journal(path, arguments.who))
        collection = Collection(found, table, categories, journal, arguments.map)
        collection.require_same_cells()
        is_run = (arguments.cells / "config.yaml").is_file()
        looks = WhereLooked(arguments.cells if is_run else None, arguments.overrides)
        listener = stack.enter_context(_listener(HOST, arguments.port))
        port, token = listener.getsockname()[1], secrets.token_urlsafe(24)
        application = explorer(collection, arguments.cells.name, _command(arguments), port, token, looks)
        cells, of_images = counted(len(table.image), "cell"), counted(len(table.image_ids), "image")
        print(f"{cells} of {of_images}; Ctrl-C ends")
        print(f"corrections: {'none are written (--read-only)' if journal is None else path}")
        print(f"open  http://{HOST}:{port}/?token={token}", flush=True)
        _warn_of_moved_images(collection)
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))
        server.run(sockets=[listener])
    return 0


def _warn_of_moved_images(collection: Collection) -> None:
    """Say at once where pictures will be missing; map and confidences are shown without."""
    try:
        collection.image(collection.table.image_ids[0])
    except InputError as error:
        print(f"no picture {error} Where the images lie elsewhere now, give data.root=DIR.", flush=True)


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # now: whoever reads the address may open it at once
    except (OSError, OverflowError) as error:
        listener.close()
        raise InputError(
            f"--port {port}: cannot be listened to ({error}); leave it out for one that is free."
        ) from error
    return listener


def _command(arguments: argparse.Namespace) -> str:
    words = ["hpa", "explore", str(arguments.cells), *arguments.overrides]
    words += ["--corrections", str(arguments.corrections)] if arguments.corrections else []
    words += ["--read-only"] if arguments.read_only else []
    return shlex.join([*words, *(["--map", arguments.map] if arguments.map != "pca" else [])])
