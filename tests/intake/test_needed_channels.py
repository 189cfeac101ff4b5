"""Settings that a message advises work when they are taken."""

import itertools
import re
import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from hpa.config import build
from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.intake.needed_channels import settings_for, source_with
from tests.small_sets import noise, save

ROOT = Path(__file__).resolve().parents[2]
SEGMENTERS = sorted(path.stem for path in (ROOT / "conf" / "segmenter").glob("*.yaml"))
TRAINED = ("unet", "mask_rcnn")
HELD = (("blue",), ("green",), ("green", "blue"), ("w1", "w2", "w3"), CHANNELS, ("blue", "er", "actin", "dna"))


class Reader:
    """A segmenter that is known by its channels alone."""

    def __init__(self, channels: Sequence[str]) -> None:
        self.channels = tuple(channels)

    def segment(self, fields):
        raise NotImplementedError

    def fingerprint(self):
        raise NotImplementedError


@cache
def composed(*words: str) -> dict:
    """Return the config of a training as the command line composes it, once for the same words."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", overrides=list(words))
    return {slot: OmegaConf.to_container(config[slot], resolve=True) for slot in ("segmenter", "data")}


def part_of(name: str, words: Sequence[str] = ()) -> dict:
    folder = ["segmenter.folder=x"] if name == "stored" else []
    part = dict(composed(f"segmenter={name}", *folder)["segmenter"])
    for word in words:
        key, value = word.removeprefix("segmenter.").split("=")
        assert key in part
        part[key] = yaml.safe_load(value)
    return part


def reader_of(name: str, part: dict):
    """Build what reads the channels of a segmenter, without weights."""
    if name in TRAINED:
        return Reader(part["cell_channels"] or ("grey",))  # trained on one channel
    if name == "stored":
        return Reader(())
    if name in ("hpa_cell", "cellpose"):
        keys = [value for key, value in part.items() if key.endswith("_channel") and value]
        return Reader(dict.fromkeys([*keys, *part.get("cell_channels", [])]))
    return build(part)


@pytest.mark.parametrize("name", SEGMENTERS)
@pytest.mark.parametrize("held", HELD, ids="-".join)
def test_advised_settings_choose_channels_that_are_there(name, held):
    part = part_of(name)
    reads = reader_of(name, part).channels
    words = settings_for(part, reads, held)
    if set(reads) <= set(held):
        assert words == []
        return
    if name == "colour_deconvolution":
        assert words == []  # it has no setting of channels
        return
    plain = [shlex.split(word)[0] for word in words]
    chosen = reader_of(name, part_of(name, plain)).channels
    assert chosen
    assert set(chosen) <= set(held)


def test_cells_may_be_null_beside_a_channel_of_nuclei():
    part = {"nucleus_channel": "dapi", "cell_channels": None}
    assert settings_for(part, ("dapi", "red"), ("blue", "green")) == [
        "segmenter.nucleus_channel=blue",
        "'segmenter.cell_channels=[green]'",
    ]


@pytest.mark.parametrize(
    ("reads", "chosen"), [(("grey",), "blue"), (("grey", "green"), "green,red"), (("a", "b"), "red,green")]
)
def test_a_network_of_one_channel_is_given_the_nuclear_stain(reads, chosen):
    assert settings_for(part_of("unet"), reads, ("red", "green", "blue")) == [f"'segmenter.cell_channels=[{chosen}]'"]


def images_of(layout: str, channels: Sequence[str], folder: Path) -> dict:
    """Write two images of a layout; return the config of the data set."""
    names = ("a", "b")
    place = folder / ("train" if layout != "typed_images" else "images")
    for image_id, channel in itertools.product(names, channels):
        save(noise(1), place / f"{image_id}_{channel}.png")
    if layout == "typed_images":
        (folder / "index.csv").write_text("ID,class,split,group,pixel_um\na,HEK,,,0.5\nb,N2a,,,0.5\n")
    else:
        (folder / "train.csv").write_text("ID,Label\na,0\nb,1\n")
    root = [] if layout == "synthetic" else ["data.root=here"]
    data = dict(composed(f"data={layout}", *root)["data"]) | {"channels": channels[:1]}
    data |= {} if layout == "synthetic" else {"root": str(folder)}
    return data | ({"metadata": None} if layout == "hpa_public" else {})


@pytest.mark.parametrize("layout", ["kaggle_hpa", "hpa_public", "synthetic", "typed_images"])
@pytest.mark.parametrize("name", [name for name in SEGMENTERS if name != "stored"])
def test_what_the_message_says_works(layout, name, tmp_path):
    held = CHANNELS if layout == "synthetic" else ("green", "blue")
    data = images_of(layout, held, tmp_path)
    part = part_of(name)
    segmenter = reader_of(name, part)
    if set(segmenter.channels) <= set(held):
        assert source_with(data, held[:1], part, segmenter).channels
        return
    with pytest.raises(InputError) as refused:
        source_with(data, held[:1], part, segmenter)
    message = str(refused.value)
    assert f"the images hold {', '.join(held)}" in message or set(held) <= set(re.split(r"\W+", message))
    if name == "colour_deconvolution":
        name, words = "watershed", ["segmenter.cell_channels=[green]"]
        assert "segmenter=watershed" in message
    else:
        words = re.findall(r"segmenter\.\w+=[^\s';]+", message.rstrip("."))
    taken = part_of(name, words)
    source = source_with(data, held[:1], taken, reader_of(name, taken))
    assert set(source.channels) <= set(held)


def test_a_channel_of_the_network_itself_is_reported_as_that(tmp_path):
    data = images_of("typed_images", ("green", "blue"), tmp_path)
    part = part_of("watershed_nuclei", ["segmenter.nucleus_channel=blue"])
    with pytest.raises(InputError, match=r"<ID>_red; there are blue, green: write 'data.channels=\[blue,green\]'"):
        source_with(data, ("red",), part, build(part))
