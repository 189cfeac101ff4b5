"""Kinds of bad input, command by command, and what each message must hold."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np

from benchmarks.attack import reference_decoder as reference
from benchmarks.attack.bad_files import Trap, cellpose_of, huge_tiff, npy_header_of, packed_of, tiff_of, zip_of
from benchmarks.attack.bad_image_kinds import IMAGE_KINDS
from benchmarks.attack.kind import Kind
from hpa.core.encoding import encode_mask

HEADER = b"ID,ImageWidth,ImageHeight,PredictionString\n"
MASK = encode_mask(np.eye(4, dtype=bool)).encode()
ROW = b"a,4,4,0 0.5 " + MASK + b"\n"
TISSUE = b"id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness,rle\n"
_INSTANCE = {
    "id": 1,
    "image_id": 1,
    "category_id": 1,
    "score": 0.5,
    "segmentation": {"size": [4, 4], "counts": [3, 13]},
}
_IMAGE = {"id": 1, "file_name": "a.png", "height": 4, "width": 4}
_CATEGORY = {"id": 1, "name": "HEK"}


def coco_of(**changes: Any) -> bytes:
    """Return a COCO file of one instance, with changes to its annotation, or to `image`, `category` or all of it."""
    image = _IMAGE | changes.pop("image", {})
    category = _CATEGORY | changes.pop("category", {})
    whole = changes.pop("whole", {})
    content = {"images": [image], "annotations": [_INSTANCE | changes], "categories": [category]} | whole
    return json.dumps(content).encode()


def _sub(row: bytes) -> dict[str, bytes | None]:
    return {"sub.csv": HEADER + row + b"\n"}


_LINT, _SCORE = "lint @sub.csv --sample @sample.csv", "score @sub.csv @truth.csv"
_INSTANCES, _LOAD = "score-instances @result.json @truth.json", "coco load @result.json @maps"
_SEGMENTATION, _TISSUE_SCORE = "score-segmentation @predicted @true", "score-tissue @tissue.csv @tissue_truth.csv"
_MODULO = packed_of(reference.write_counts([1 << 63, (1 << 63) + 16]))
_DEEP = b'{"images": ' + b"[" * 100_000

KINDS: tuple[Kind, ...] = (
    *IMAGE_KINDS,
    Kind("no file", _LINT, ("sub.csv", "missing", "check the path"), {"sub.csv": None}),
    Kind("a folder for a file", "lint @empty --sample @sample.csv", ("empty", "save it as CSV")),
    Kind("an empty file", _LINT, ("sub.csv", "expected", "Name them so"), {"sub.csv": b""}),
    Kind("no such column", _LINT, ("sub.csv", "ImageWidth", "Name them so"), {"sub.csv": b"ID,x\na,1\n"}),
    Kind("UTF-32", _LINT, ("sub.csv", "expected", "Name them"), {"sub.csv": (HEADER + ROW).decode().encode("utf-32")}),
    Kind("a zip for a table", _LINT, ("sub.csv", "UTF-8"), {"sub.csv": zip_of(a=bytes(1000))}),
    Kind("sides swapped", _LINT, ("row 2 (a)", "swapped", "write the size"),
         _sub(b"a,4,5,0 1 " + MASK) | {"sample.csv": HEADER + b"a,5,4,\n"}),
    Kind("a side of 0", _LINT, ("row 2 (a)", "positive whole numbers", "write the size"), _sub(b"a,0,4,")),
    Kind("a side of 5,000 digits", _SCORE, ("row 2 (a)", "positive whole", "write"),
         _sub(b"a," + b"9" * 5000 + b",4,")),
    Kind("gigapixels", _SCORE, ("row 2 (a)", "up to 536,870,911 px", "write"), _sub(b"a,99999,99999,")),
    Kind("a class of none", _LINT, ("row 2 (a)", "class '99'", "0 to 18"), _sub(b"a,4,4,99 1 " + MASK)),
    Kind("a class with underscore", _SCORE, ("row 2 (a)", "'1_0'", "0 to 18"), _sub(b"a,4,4,1_0 1 " + MASK)),
    Kind("a confidence of NaN", _LINT, ("row 2 (a)", "not finite", "write a number"), _sub(b"a,4,4,0 nan " + MASK)),
    Kind("a word is missing", _SCORE, ("row 2 (a)", "come in threes", "missing"), _sub(b"a,4,4,0 1")),
    Kind("no base64", _SCORE, ("row 2 (a)", "does not decode", "as encode_mask"), _sub(b"a,4,4,0 1 ?????")),
    Kind("bytes written with str()", _LINT, ("row 2 (a)", "str()", "write"), _sub(b"a,4,4,0 1 b'" + MASK + b"'")),
    Kind("a mask of 100 MB", _SCORE, ("row 2 (a)", "inflates to more", "encode"),
         {"sub.csv": lambda: HEADER + b"a,4,4,0 1 " + packed_of(bytes(10**8)) + b"\n"}),
    Kind("counts modulo 2^64", _LINT, ("row 2 (a)", "damaged", "encode"), _sub(b"a,4,4,0 1 " + _MODULO)),
    Kind("counts modulo 2^64, scored", _SCORE, ("row 2 (a)", "damaged", "encode"), _sub(b"a,4,4,0 1 " + _MODULO)),
    Kind(
        *("a mask of another image", _LINT, ("row 2 (a)", "the image has 16", "encode")),
        _sub(b"a,4,4,0 1 " + encode_mask(np.ones((9, 9), bool)).encode()),
    ),
    Kind("an id twice", _LINT, ("row 3 (a)", "row 2 already", "keep one"), {"sub.csv": HEADER + ROW + ROW}),
    Kind("an unknown id", _LINT, ("row 2 (b)", "does not know", "take the ids"), _sub(b"b,4,4,")),
    Kind("an id that commands the terminal", _LINT, ("row 2 (\\x1b[2Ja)", "take the ids"), _sub(b"\x1b[2Ja,4,4,")),
    Kind("a class that commands the terminal", _SCORE, ("'\\x1b[2J'", "0 to 18"), _sub(b"a,4,4,\x1b[2J 1 " + MASK)),
    Kind("no row", _LINT, ("a: the row is missing", "write one"), {"sub.csv": HEADER}),
    Kind("too many fields", _SCORE, ("row 2 (a)", "5 fields", "quotes"), _sub(b"a,4,4,0 1 x,y")),
    Kind("a NUL in a table", _SCORE, ("sub.csv",), _sub(b"a,4,4,0 1\0 " + MASK)),
    Kind("no truth", "score @sub.csv @none.csv", ("none.csv", "missing", "check the path")),
    Kind("a broken truth", _SCORE, ("truth.csv", "row 2 (a)", "write"),
         {"truth.csv": b"ID,ImageWidth,ImageHeight,TruthString\na,x,4,\n"}),
    Kind("an IoU of 0", f"{_SCORE} --iou 0", ("IoU", "(0, 1]", "0.6")),
    Kind("an IoU of NaN", f"{_SCORE} --iou nan", ("IoU", "(0, 1]", "0.6")),
    Kind("too few types", f"{_SCORE} --types HEK", ("--types HEK", "class 3", "name every class"),
         _sub(b"a,4,4,3 1 " + MASK)),
    Kind("a broken rival", f"{_SCORE} --against @classes.csv", ("classes.csv", "expected", "Name them so")),
    Kind("a word for a number", f"{_SCORE} --iou x", ("--iou", "invalid float"), code=2),
    Kind("an unknown kind of result", "count @predicted/a.tif", ("a.tif", ".json", "expected")),
    Kind("a broken parquet", "count @a.parquet", ("a.parquet", "cannot be read", "write it again"),
         {"a.parquet": b"PAR1xx"}),
    Kind("a class of a billion", "count @sub.csv", ("sub.csv", "0 to 999"), _sub(b"a,4,4,999999999 1 " + MASK)),
    Kind("a cell of 5,000 digits", "count @classes.csv", ("classes.csv", "no positive whole number"),
         {"classes.csv": b"ID,cell,class\na," + b"1" * 5000 + b",HEK\n"}),
    Kind("shares of 5,000 digits", f"coco export @true @out.json --split 1:{'1' * 5000}", ("split",)),
    Kind("letters for a mixture", "count @classes.csv --designed a:b", ("--designed a:b", "numbers", "50:50")),
    Kind("a mixture of too many", "count @classes.csv --designed 1:1:1", ("one part", "HEK")),
    Kind("a confidence of 2", "count @classes.csv --confidence 2", ("between 0 and 1",)),
    Kind("a trillion resamples", "count @classes.csv --resamples 1000000000000", ("resamples", "1 to")),
    Kind("a result without cells", "count @sub.csv", ("no cell", "check the result"),
         {"sub.csv": HEADER + b"a,4,4,\n"}),
    Kind("no scores", _INSTANCES, ("scores", "give"), {"result.json": coco_of(score=None)}),
    Kind("no JSON", _INSTANCES, ("result.json", "no JSON", "COCO"), {"result.json": b"{"}),
    Kind("JSON without end", _INSTANCES, ("result.json", "no JSON", "COCO"), {"result.json": _DEEP}),
    Kind("a list for an id", _INSTANCES, ("result.json", "needs 'id'"), {"result.json": coco_of(image={"id": [1]})}),
    Kind("a number for a name", _INSTANCES, ("result.json", "'name' (text)"),
         {"result.json": coco_of(category={"name": 5})}),
    Kind("an unknown class", _INSTANCES, ("result.json", "N2a", "known are HEK"),
         {"result.json": coco_of(category={"name": "N2a"})}),
    Kind("an image without result", _INSTANCES, ("a: is not in", "result.json"),
         {"result.json": coco_of(image={"file_name": "b.png"})}),
    Kind("a score of NaN", _INSTANCES, ("annotation 1", "number was expected"),
         {"result.json": coco_of(score=float("nan"))}),
    Kind("a vertex a billion px off", _LOAD, ("annotation 1", "off the canvas", "check"),
         {"result.json": coco_of(segmentation=[[0, 0, 1e9, 1, 1, 1]])}),
    Kind("a polygon of zigzags", _LOAD, ("annotation 1", "crosses itself", "draw it anew"),
         {"result.json": coco_of(segmentation=[[0.0, 0.0, 3.0, 3.0] * 50_000])}),
    Kind("an image of 40,000²", _LOAD, ("image 1", "limit", "crop it"),
         {"result.json": coco_of(image={"height": 40_000, "width": 40_000})}),
    Kind("a polygon on 26 gigapixels", _LOAD, ("image 1", "limit", "crop it"),
         {"result.json": coco_of(image={"height": 26, "width": 1e9}, segmentation=[[0, 0, 1e7, 1, 1, 1]])}),
    Kind("counts beyond the image", _LOAD, ("annotation 1", "sum to 16"),
         {"result.json": coco_of(segmentation={"size": [4, 4], "counts": [0, 2**64, 16]})}),
    Kind("a compressed text too long", _LOAD, ("image a", "longer than any mask", "encode"),
         {"result.json": coco_of(segmentation={"size": [4, 4], "counts": "0" * 10**6})}),
    Kind("two images of one name", _LOAD, ("result.json", "would be one label map"),
         {"result.json": coco_of(whole={"images": [_IMAGE, _IMAGE | {"id": 2}]})}),
    Kind("a million categories", _LOAD, ("result.json", "at most 5000"),
         {"result.json": lambda: coco_of(whole={"categories": [_CATEGORY] * 10**6})}),
    Kind("a thousand covers", _LOAD, ("image a", "times over", "keep"),
         {"result.json": coco_of(whole={"annotations": [_INSTANCE] * 1300})}),
    Kind("no label maps", "coco export @empty @out.json", ("empty", "were expected", "label maps")),
    Kind("no column of classes", "coco export @true @out.json --classes @sub.csv", ("sub.csv", "class")),
    Kind("a split of words", "coco export @true @out.json --split a:b", ("split",)),
    Kind("an older file in the way", "coco export @true @kept.csv", ("kept.csv", "--overwrite")),
    Kind("a file for a folder", "coco load @result.json @sub.csv", ("sub.csv",)),
    Kind("maps of two sizes", _SEGMENTATION, ("a:", "one size", "Resize"),
         {"true/a.tif": tiff_of(np.ones((5, 4), np.uint16))}),
    Kind("a map without partner", _SEGMENTATION, ("b: has no prediction", "same names"),
         {"true/b.tif": tiff_of(np.ones((4, 4), np.uint16))}),
    Kind("a torn TIFF", _SEGMENTATION, ("a.tif", "cannot be read", "save it again"),
         {"true/a.tif": tiff_of(np.ones((400, 40), np.uint16))[:300]}),
    Kind("a TIFF of 10 gigapixels", _SEGMENTATION, ("a.tif",), {"true/a.tif": huge_tiff()}),
    Kind("a map of fractions", _SEGMENTATION, ("a.tif", "whole numbers"),
         {"true/a.tif": tiff_of(np.full((4, 4), 0.5, np.float32))}),
    Kind("an npz of 10 gigapixels", _SEGMENTATION, ("a.npz", "limit", "crop it"),
         {"true/a.tif": None, "true/a.npz": zip_of(**{"label_map.npy": npy_header_of((100_000, 100_000))})}),
    Kind("two maps of one image", _SEGMENTATION, ("one label map", "remove one"), {"true/a.png": b"x"}),
    Kind("a pickle for masks", _SEGMENTATION, ("a_seg.npy", "'masks' is expected", "save it again"),
         {"true/a.tif": None, "true/a_seg.npy": cellpose_of({"masks": Trap()})}),
    Kind("half a run", _TISSUE_SCORE, ("tissue.csv", "pairs", "cut off"), {"tissue.csv": b"id,rle\n1,1 2 5\n"}),
    Kind("a run outside", _TISSUE_SCORE, ("tissue.csv", "outside", "Check"), {"tissue.csv": b"id,rle\n1,1 200\n"}),
    Kind("letters for runs", _TISSUE_SCORE, ("tissue.csv", "whole numbers", "start length"),
         {"tissue.csv": b"id,rle\n1,a b\n"}),
    Kind("no organ", _TISSUE_SCORE, ("tissue_truth.csv", "organ"),
         {"tissue_truth.csv": b"id,rle,img_height,img_width\n1,1 1,3,3\n"}),
    Kind("a tissue of no size", _TISSUE_SCORE, ("tissue_truth.csv", "positive"),
         {"tissue_truth.csv": TISSUE + b"1,lung,HPA,0,3,0.4,4,1 1\n"}),
    Kind("a part that is no zip", "merge @sub.csv --out @out.csv", ("sub.csv", "no part", "give files")),
    Kind("a part without manifest", "merge @p.zip --out @out.csv", ("p.zip", "no part", "give files"),
         {"p.zip": zip_of(a=b"1")}),
    Kind("a manifest that is a list", "merge @p.zip --out @out.csv", ("p.zip", "no part"),
         {"p.zip": zip_of(manifest_json=b"[]")}),
    Kind("a manifest of a gigabyte", "merge @p.zip --out @out.csv", ("p.zip", "larger than", "make the file again"),
         {"p.zip": lambda: zip_of(manifest_json=bytes(1 << 30))}),
    Kind("a manifest nested without end", "merge @p.zip --out @out.csv", ("p.zip", "no part"),
         {"p.zip": zip_of(manifest_json=b"[" * 100_000)}),
    Kind("no part at all", "merge --out @out.csv", ("PART",), code=2),
    Kind("a data set of size 0", "synth @new --images 4 --size 0 --seed 1", ("32 px or more",)),
    Kind("a data set of no images", "synth @new --images -1 --size 64 --seed 1", ("images",)),
    Kind("a data set of a billion images", "synth @new --images 1000000000 --size 64 --seed 1",
         ("at most 1,000,000 images", "1,000,000,000")),
    Kind("a size of words", "synth @new --images 4 --size big --seed 1", ("'big'", "write 512"), code=2),

            Kind("sections that are not square", "synth @new --layout hubmap --images 4 --size 64x32 --seed 1",
         ("square", "write size 64")),
    Kind("a folder that is not empty", "synth @true --images 4 --size 64 --seed 1", ("true", "empty")),
    Kind("a text for a network", "convert-weights @sub.csv @weights/w.safetensors", ("sub.csv",)),
    Kind("a hostile pickle for a network", "convert-weights @n.pth @weights/w.safetensors", ("n.pth",),
         {"n.pth": pickle.dumps(Trap())}),
    Kind("another ending", "convert-weights @sub.csv @weights/w.pth", ("w.pth", ".safetensors", "write")),
    Kind("no images to import", "import @empty @out --pattern {image}_{channel}.tif --channels c=blue", ("empty",)),
    Kind("no images to segment", "segment @empty @out", ("empty",)),
    Kind("a run that is not there", "export @none --onnx @out.onnx", ("none", "no such run", "give ckpt=RUN")),
    Kind("a full disk, exporting", "coco export @true @kept.csv --overwrite",
         ("kept.csv", "full", "free some"), disk_is_full=True),
    Kind("a full disk, loading", "coco load @result.json @maps", ("maps", "full", "free some"), disk_is_full=True),
    Kind("a full disk, simulating", "synth @new --images 4 --size 64 --seed 1 --workers 1",
         ("new", "full", "free some"), disk_is_full=True),
    Kind("a full disk, importing", "import @true @maps --pattern {image}.tif --channels 1=green --pixel-um 0.1",
         ("maps", "full"), disk_is_full=True),
    Kind("a folder that may not be written", "coco export @true /sys/kernel/x.json",
         ("x.json", "cannot be written", "choose a folder")),
    Kind("a folder that may not be made", "coco load @result.json /sys/kernel/x",
         ("/sys/kernel/x", "cannot be written", "choose a folder")),
    Kind("a world that may not be written", "synth /sys/kernel/x --images 4 --size 64 --seed 1 --workers 1",
         ("/sys/kernel/x", "cannot be", "choose")),
    Kind("a file on the way", "coco export @true @sub.csv/x.json", ("x.json", "in its way", "remove")),
    Kind("an unknown command", "scores", ("scores",), code=2),
)  # fmt: skip
