"""What people do to images of two cell types, and what each command then says: one line, the remedy in it."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from hpa.app.train import train
from hpa.cli import main
from hpa.core.errors import InputError
from hpa.simulation.two_cell_types import write_two_cell_types
from tests.test_configs import composed

SIDE_PX = 16
CHANNELS = ["--channels", "w1=blue,w2=green"]


def put(folder, name, side_px=SIDE_PX, dtype=np.uint8):
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / name, np.zeros((side_px, side_px), dtype))


def refused(capsys, *words):
    assert main([str(word) for word in words]) == 1
    return capsys.readouterr().err


def test_channels_of_different_sizes(tmp_path, capsys):
    put(tmp_path / "raw", "a_w1.tif")
    put(tmp_path / "raw", "a_w2.tif", side_px=17)
    told = refused(capsys, "import", tmp_path / "raw", tmp_path / "out", *CHANNELS)
    assert "the channels differ (blue 16×16 px, 8 bit, green 17×17 px, 8 bit)" in told
    assert not (tmp_path / "out").exists()


def test_one_channel_only(tmp_path, capsys):
    put(tmp_path / "raw", "a_w1.tif")
    told = refused(capsys, "import", tmp_path / "raw", tmp_path / "out", *CHANNELS)
    assert "only a_w1.tif is there, no file of channel w2 (green); add it, or leave out the channel" in told


@pytest.mark.parametrize("suffix", [".nd2", ".czi", ".lif"])
def test_a_makers_format_that_cannot_be_read(tmp_path, capsys, suffix):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"a{suffix}").write_bytes(b"no such file")
    told = refused(capsys, "import", tmp_path / "raw", tmp_path / "out", "--pattern", "{image}.{_}", *CHANNELS)
    assert 'pip install "hpa-cells[microscopes]"' in told


def coco(path, categories, annotations):
    images = [{"id": 1, "file_name": "a.tif", "height": SIDE_PX, "width": SIDE_PX}]
    path.write_text(json.dumps({"images": images, "categories": categories, "annotations": annotations}))
    return path


def test_annotations_of_missing_images_and_categories_that_clash(tmp_path, capsys):
    square = [[1, 1, 1, 8, 8, 8, 8, 1]]
    file = coco(
        tmp_path / "c.json",
        [{"id": 1, "name": "HEK"}, {"id": 1, "name": "N2a"}],
        [{"id": 5, "image_id": 9, "category_id": 1, "segmentation": square}],
    )
    told = refused(capsys, "coco", "load", file, tmp_path / "maps")
    assert "annotation 5: belongs to image 9, which is not among the images of the file" in told
    assert "category 1: is both 'HEK' and 'N2a'; name it once" in told


def test_overlapping_instances_follow_a_rule_that_is_printed(tmp_path, capsys):
    large, small = [[0, 0, 0, 12, 12, 12, 12, 0]], [[4, 4, 4, 8, 8, 8, 8, 4]]
    common = {"image_id": 1, "category_id": 1}
    cells = [{"id": number, "segmentation": part, **common} for number, part in enumerate((small, large), start=1)]
    file = coco(tmp_path / "c.json", [{"id": 1, "name": "HEK"}], cells)
    assert main(["coco", "load", str(file), str(tmp_path / "maps")]) == 0
    assert "a: instances overlap, 16 px given to the smaller one" in capsys.readouterr().out


def test_outlines_without_an_image(tmp_path, capsys):
    (tmp_path / "classes.csv").write_text("ID,cell,class\nb,1,HEK\n")
    put(tmp_path / "maps", "a.tif", dtype=np.uint16)
    words = ["--classes", tmp_path / "classes.csv"]
    told = refused(capsys, "coco", "export", tmp_path / "maps", tmp_path / "o.json", *words)
    assert "1 images" in told
    assert ": b." in told


def test_a_pure_set_of_one_type_is_refused_before_anything_is_segmented(tmp_path):
    write_two_cell_types(tmp_path / "set", images=3, side_px=64, seed=0, test_images=1)
    table = pd.read_csv(tmp_path / "set" / "index.csv")
    table[table["class"] != "N2a"].to_csv(tmp_path / "set" / "index.csv", index=False)
    words = [f"data.root={tmp_path / 'set'}", f"run_dir={tmp_path / 'run'}", f"store.folder={tmp_path}"]
    config = composed("train", ["experiments=hek_n2a/crops", *words])
    with pytest.raises(InputError, match="all 1 images show HEK, but pure images of two types or more are needed"):
        train(config, {"model": "any", "loss": "any"}, None)
