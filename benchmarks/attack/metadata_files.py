"""JSON beside images and results, with any value in any place: OME-Zarr, GeoJSON, parts, timings, jobs, runs."""

from __future__ import annotations

import copy
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.attack.coco_files import places_of
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.formats.geojson_file import label_map_of, read_cells
from hpa.formats.images import inspect_image
from hpa.inference.run_plan import read_sample
from hpa.inference.run_status import run_status
from hpa.inference.shards import read_part
from hpa.stages.teachers import members_of
from hpa.sweeps.outcome import read_outcome

TRIES = 20_000
_SIDE_PX = 32
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 1.5, 1e9, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**400, "", "x", "1", "\0"),
    *("../../x", ".", "/", "\ud800", "x" * 5000, [], {}, [[]], [1], ["x"], {"a": 1}, [None] * 9, [[[[1]]]]),
)


class _Kind(NamedTuple):
    """Files of one kind as values, by name below the folder, and what reads them."""

    name: str
    files: dict[str, Any]
    read: Callable[[Path], object]


def run(seed: int, seconds: float) -> Figures:
    """Try files."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=2048, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Damage one file of a kind, and read all."""
    os.environ["HPA_MAX_PIXELS"] = "20000000"
    kind = random.choice(_KINDS)
    place = folder / "set"
    shutil.rmtree(place, ignore_errors=True)
    target = random.choice(sorted(kind.files))
    for name, values in kind.files.items():
        content = json.dumps(_damaged(random, values) if name == target else values)
        if name == target and random.random() < 0.2:
            content = _damaged_text(random, content)
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content, encoding="utf-8", errors="surrogatepass")
    kind.read(place)
    return Outcome.ACCEPTED


def _damaged(random: Random, values: Any) -> Any:
    damaged = copy.deepcopy(values)
    for _ in range(random.choice([0, 1, 1, 2, 4])):
        places = places_of(damaged)
        if not places:
            break
        parent, key = random.choice(places)
        match random.randrange(4):
            case 0:
                del parent[key]
            case 1:
                parent[key] = [parent[key]] * random.choice([2, 50])
            case _:
                parent[key] = copy.deepcopy(random.choice(_VALUES))
    return damaged


def _damaged_text(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    inserted = random.choice(["[" * 100_000, '{"a":' * 100_000, "1" * 10_000, "\0", "NaN", "é"])
    return random.choice([text[:place], text[:place] + inserted + text[place:], text + text, "", "[]", "5"])


def _read_zarr(place: Path) -> object:
    header = inspect_image(place / "a.zarr")
    for scene in header.scenes:
        if scene.height < 1 or scene.width < 1 or not scene.channel_names:
            raise WrongSuccessError(f"a scene of {scene.width} x {scene.height} px, channels {scene.channel_names}")
    return header


def _read_geojson(place: Path) -> object:
    label_map, names, _ = label_map_of(read_cells(place / "a.geojson"), _SIDE_PX, _SIDE_PX)
    if label_map.shape != (_SIDE_PX, _SIDE_PX) or label_map.max(initial=0) > len(names):
        raise WrongSuccessError("a label map of another size, or with numbers of no cell")
    return names


def _read_part(place: Path) -> object:
    path = place / "part.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(place / "manifest.json", "manifest.json")
    return read_part(path)


def _read_members(place: Path) -> object:
    found = members_of(place)
    if not all(path.is_relative_to(place) for path in found):
        raise WrongSuccessError(f"members outside the run: {found}")
    return found


_GROUP = {
    "zarr_format": 3,
    "node_type": "group",
    "attributes": {
        "ome": {
            "version": "0.5",
            "multiscales": [
                {
                    "axes": [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"],
                    "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [0.5, 0.5]}]}],
                }
            ],
            "omero": {"channels": [{"label": "green"}]},
        }
    },
}
_PLATE = {"attributes": {"ome": {"plate": {"wells": [{"path": "A/1"}]}, "version": "0.5"}}}
_WELL = {"attributes": {"ome": {"well": {"images": [{"path": "0"}]}}}}
_ARRAY = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [_SIDE_PX, _SIDE_PX],
    "data_type": "uint8",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [_SIDE_PX, _SIDE_PX]}},
    "fill_value": 0,
    "codecs": [{"name": "bytes"}, {"name": "zstd", "configuration": {"level": 1}}],
}
_RING = [[1, 1], [9, 1], [9, 9], [1, 1]]
_FEATURE = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [_RING]},
    "properties": {"classification": {"name": "HEK"}},
}
_REPORT = {
    "number": 0,
    "image_ids": ["a"],
    "object_count": 1,
    "failed": [{"subject": "a", "reason": "b"}],
    "skipped": [],
    "fallback": "",
    "content": "",
    "files": [{"name": "block_00000.csv", "size_bytes": 1, "sha256": "0"}],
}
_PART = {
    "format": "hpa submission part 2",
    "shard": {"number": 1, "count": 1},
    "columns": ["ID"],
    "settings": {},
    "block_count": 1,
    "reports": [_REPORT],
}
_MANIFEST = {
    "block_images": 1,
    "fields_at_once": 1,
    "megapixels_at_once": 1,
    "shard": "all",
    "image_count": 3,
}
_TIMINGS = {
    **dict.fromkeys(("images", "threads", "output_bytes", "input_bytes", "peak_memory_bytes", "block_images"), 9),
    "total_s": 9.0,
    "seconds": {"read": 1.0, "predict": 2.0, "total": 3.0},
}
_JOB = {"state": "finished", "code": 0, "overrides": ["seed=1"], "scores": {"val_loss": 0.5}, "reason": ""}
_FACTS = {"finished": True, "epochs": 1, "max_epochs": 1, "members": ["stages/0", "stages/1"], "class_names": ["a"]}

_KINDS = (
    _Kind("zarr", {"a.zarr/zarr.json": _GROUP, "a.zarr/0/zarr.json": _ARRAY}, _read_zarr),
    _Kind(
        "plate",
        {
            "a.zarr/zarr.json": _PLATE,
            "a.zarr/A/1/zarr.json": _WELL,
            "a.zarr/A/1/0/zarr.json": _GROUP,
            "a.zarr/A/1/0/0/zarr.json": _ARRAY,
        },
        _read_zarr,
    ),
    _Kind("geojson", {"a.geojson": {"type": "FeatureCollection", "features": [_FEATURE] * 2}}, _read_geojson),
    _Kind("part", {"manifest.json": _PART}, _read_part),
    _Kind("timings", {"t.json": _TIMINGS}, lambda place: read_sample(place / "t.json")),
    _Kind("job", {"job.json": _JOB}, read_outcome),
    _Kind(
        "chain",
        {
            "config.yaml": {},
            "run.json": _FACTS,
            **{f"stages/{n}/{f}": {} for n in "01" for f in ("config.yaml", "run.json")},
        },
        _read_members,
    ),
    _Kind(
        "status",
        {"s.csv.parts/manifest.json": _MANIFEST, "s.csv.parts/block_00000.json": _REPORT},
        lambda place: run_status(place / "s.csv"),
    ),
)
