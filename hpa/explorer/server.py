"""The web server of the explorer: its page, columns of all cells, pictures, and corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from hpa.core.errors import InputError
from hpa.explorer.collection import Collection, corrected_rows
from hpa.explorer.guard import Application, Guard
from hpa.explorer.pictures import encoded, outlines_of, picture_of_cell, picture_of_image
from hpa.reports.class_styles import PATTERNS, class_styles
from hpa.reports.page import render
from hpa.results.found_cells import CellTable

_SCRIPT = "explorer.js"
_NO_STORE = {"Cache-Control": "no-store"}
_KEPT = {"Cache-Control": "private, max-age=3600"}


class LooksAt(Protocol):
    """Draws where a network looked."""

    def picture(self, row: int, class_index: int) -> UInt8[np.ndarray, "side side 3"]:
        """Return the picture of a cell; InputError says why there is none."""


def explorer(
    collection: Collection, title: str, command: str, port: int, token: str, looks: LooksAt | None = None
) -> Application:
    """Return the application.

    Args:
        collection: What is explored.
        title: Heading of the page.
        command: Command line that began it.
        port: Where it is served.
        token: What every request must bring.
        looks: Where the network looked; None leaves it out of the page.
    """
    views, changes = _Views(collection, title, command, looks), _Changes(collection)
    routes = [
        Route("/", views.page),
        Route("/facts", _answered(views.facts)),
        Route("/columns", _answered(views.columns)),
        Route("/map", _answered(views.map)),
        Route("/measurement/{name}", _answered(views.measurement)),
        Route("/cell/{row:int}", _answered(views.cell)),
        Route("/cell/{row:int}/picture", _answered(views.cell_picture)),
        Route("/cell/{row:int}/looked/{class:int}", _answered(views.looked)),
        Route("/image/{image:int}", _answered(views.image)),
        Route("/image/{image:int}/picture", _answered(views.image_picture)),
        Route("/corrections", _answered(changes.corrections)),
        Route("/correct", _posted(changes.correct), methods=["POST"]),
        Route("/undo", _posted(changes.undo), methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), port, token)


def _answered(view: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Return the view with errors of input as an answer that the page shows."""

    def answer(request: Request) -> Response:
        try:
            return view(request)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 422)

    return answer


def _posted(view: Callable[[Any], Response]) -> Callable[[Request], Any]:
    """Return the view of a request with a JSON object."""

    async def answer(request: Request) -> Response:
        try:
            content = await request.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            return JSONResponse({"error": "a JSON object was expected"}, 422)
        try:
            return view(content)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 422)

    return answer


class _Changes:
    """What is answered to requests that correct cells."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def corrections(self, request: Request) -> Response:
        """Return what was corrected so far, by row."""
        del request
        return JSONResponse(self._corrected(), headers=_NO_STORE)

    def correct(self, content: dict[str, Any]) -> Response:
        """Write a correction."""
        rows, value = content.get("rows"), content.get("value", "")
        if not isinstance(rows, list) or not all(type(row) is int for row in rows):
            raise InputError("rows: a list of whole numbers was expected.")
        if not isinstance(value, str) and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            raise InputError("value: a list of names of classes was expected.")
        self._collection.correct(rows, str(content.get("action", "")), value)
        return JSONResponse(self._corrected(), headers=_NO_STORE)

    def undo(self, content: dict[str, Any]) -> Response:
        """Undo the last correction."""
        del content
        self._collection.undo()
        return JSONResponse(self._corrected(), headers=_NO_STORE)

    def _corrected(self) -> dict[str, Any]:
        """Return the state of all corrected cells by row, and the number of changes."""
        journal = self._collection.journal
        return {"changes": 0 if journal is None else len(journal.changes), "cells": corrected_rows(self._collection)}


class _Views:
    """What is answered to each request; columns are little-endian float32, one after the other."""

    def __init__(self, collection: Collection, title: str, command: str, looks: LooksAt | None) -> None:
        self._collection, self._title, self._command, self._looks = collection, title, command, looks

    def page(self, request: Request) -> Response:
        """Return the page; its data come by further requests."""
        del request
        table = self._collection.table
        html = render(
            "explorer_page.html.jinja",
            script=_SCRIPT,
            connects=True,
            title=self._title,
            command=self._command,
            cells=len(table.image),
            images=len(table.image_ids),
            read_only=self._collection.journal is None,
            has_classes=bool(self._collection.found.class_names),
            looks=self._looks is not None and bool(self._collection.found.class_names),
            is_one_dot=not self._collection.has_places,
        )
        return HTMLResponse(html, headers={**_NO_STORE, "Referrer-Policy": "no-referrer"})

    def facts(self, request: Request) -> Response:
        """Return names: of classes, images, measurements, metadata."""
        del request
        explored = self._collection
        names = explored.found.class_names
        looks = [
            {"name": name, "colour": look.colour, "css": look.css, "dash": PATTERNS[look.pattern]}
            for name, look in zip(names, class_styles(len(names)), strict=True)
        ]
        content = {
            "cells": len(explored.table.image),
            "classes": looks,
            "images": list(explored.table.image_ids),
            "measurements": sorted(explored.table.measurements),
            "categories": {name: list(values) for name, values in explored.categories.items()},
            "has_labels": explored.table.targets is not None,
            "read_only": explored.journal is None,
        }
        return JSONResponse(content, headers=_NO_STORE)

    def columns(self, request: Request) -> Response:
        """Return image, number, best class (-1: none), its confidence, uncertainty, disagreement, first label."""
        del request
        table = self._collection.table
        count = len(table.image)
        known = np.nan_to_num(table.confidences, nan=-1)
        best = known.argmax(axis=1) if known.shape[1] else np.zeros(count, np.int64)
        confidence = known[np.arange(count), best] if known.shape[1] else np.full(count, -1.0)
        label = np.full(count, -1.0)
        if table.targets is not None and known.shape[1]:
            own = np.where(table.targets > 0.5, known, -2)
            label = np.where((table.targets > 0.5).any(axis=1), own.argmax(axis=1), -1)
        columns = [
            *(table.image, table.number, np.where(confidence < 0, -1, best), np.maximum(confidence, 0)),
            *(self._collection.uncertainty, self._collection.disagreement, label),
        ]
        return _floats(np.stack([np.asarray(column, np.float32) for column in columns]))

    def map(self, request: Request) -> Response:
        """Return x and y of each cell; 202 while they are computed."""
        del request
        places = self._collection.map
        return Response(status_code=202) if places is None else _floats(places.T)

    def measurement(self, request: Request) -> Response:
        """Return one measurement of each cell."""
        name = request.path_params["name"]
        if name not in self._collection.table.measurements:
            raise InputError(f"there is no measurement {name}.")
        return _floats(self._collection.table.measurements[name])

    def cell(self, request: Request) -> Response:
        """Return what is known of a cell, and the cells most like it."""
        row, table = self._row(request), self._collection.table
        scores = table.confidences[row]
        order = np.flatnonzero(np.isfinite(scores))
        order = order[np.argsort(-scores[order], kind="stable")]
        targets = None if table.targets is None else table.targets[row]
        is_known = targets is not None and bool(np.isfinite(targets).all())
        content = {
            "scores": [[int(index), round(float(scores[index]), 4)] for index in order],
            "labels": np.flatnonzero(targets > 0.5).tolist() if targets is not None and is_known else None,
            "labels_are_of_image": table.targets_are_of_images,
            "measurements": {
                name: float(f"{values[row]:.5g}")
                for name, values in sorted(table.measurements.items())
                if np.isfinite(values[row])
            },
            "similar": self._collection.similar(row).tolist(),
            "channels": list(
                self._collection.image(_image_id(self._collection.table, int(table.image[row]))).field.channels
            ),
        }
        return JSONResponse(content, headers=_NO_STORE)

    def cell_picture(self, request: Request) -> Response:
        """Return the picture of a cell."""
        row, table = self._row(request), self._collection.table
        image = self._collection.image(_image_id(self._collection.table, int(table.image[row])))
        content = picture_of_cell(image, int(table.number[row]), _channels(request))
        return Response(content, media_type="image/webp", headers=_KEPT)

    def looked(self, request: Request) -> Response:
        """Return the picture of where the network looked."""
        row, index = self._row(request), int(request.path_params["class"])
        if self._looks is None or index >= len(self._collection.found.class_names):
            raise InputError(f"there is no class {index}.")
        return Response(encoded(self._looks.picture(row, index)), media_type="image/webp", headers=_KEPT)

    def image(self, request: Request) -> Response:
        """Return the rows of the cells of an image, their outlines, and the size of its picture."""
        number, table = request.path_params["image"], self._collection.table
        image = self._collection.image(_image_id(self._collection.table, number))
        rows = table.rows_of(number)
        content = {
            "rows": list(range(rows.start, rows.stop)),
            "outlines": outlines_of(image, table.number[rows].tolist()),
            "channels": list(image.field.channels),
        }
        return JSONResponse(content, headers=_NO_STORE)

    def image_picture(self, request: Request) -> Response:
        """Return the picture of an image."""
        image = self._collection.image(_image_id(self._collection.table, request.path_params["image"]))
        return Response(picture_of_image(image, _channels(request)), media_type="image/webp", headers=_KEPT)

    def _row(self, request: Request) -> int:
        row = int(request.path_params["row"])
        if row >= len(self._collection.table.image):
            raise InputError(f"there is no cell {row}.")
        return row


def _image_id(table: CellTable, number: int) -> str:
    if number >= len(table.image_ids):
        raise InputError(f"there is no image {number}.")
    return table.image_ids[number]


def _channels(request: Request) -> list[str]:
    return list(filter(None, request.query_params.get("channels", "").split(",")))


def _floats(columns: np.ndarray) -> Response:
    content = np.ascontiguousarray(columns, "<f4").tobytes()
    return Response(content, media_type="application/octet-stream", headers=_NO_STORE)
