"""Write inputs that pages name and no command makes: `python -m tests.docs.small_inputs NAME` in the page's folder."""

import csv
import sys
from pathlib import Path

import numpy as np
import tifffile

from tests.discs import discs, write_discs


def weights() -> None:
    """Weights of ResNet-50 for pictures of three colours, untrained."""
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("resnet50").state_dict(), "resnet50.safetensors")


def plates() -> None:
    """Files of an Opera in `RAW` and of another microscope in `PLATE`."""
    for well in range(1, 4):
        for channel, kind in ((2, "w2"), (5, "w1")):
            picture = discs(256, 40, 10 * well + channel)[0]
            tifffile.imwrite(f"RAW/r01c{well:02d}f01p01-ch{channel}sk1fk1fl1.tiff", picture)
            tifffile.imwrite(f"PLATE/A{well:02d}_s1_{kind}.tif", picture)


def large() -> None:
    """A slide and an OME-Zarr image."""
    import zarr

    tifffile.imwrite("slide.ome.tif", discs(256, 40, 1)[0], tile=(64, 64))
    group = zarr.open_group("plate.zarr", mode="w", zarr_format=2)
    array = group.create_array("0", shape=(1, 256, 256), chunks=(1, 128, 128), dtype="uint8")
    array[:] = discs(256, 40, 2)[0][None]
    axes = [{"name": "c", "type": "channel"}, *({"name": name, "type": "space", "unit": "micrometer"} for name in "yx")]
    scale = [{"type": "scale", "scale": [1, 0.5, 0.5]}]
    levels = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]


def nuclei() -> None:
    """Pictures of nuclei and their label maps, without a table."""
    write_discs(Path("DIR"), 8, 128)
    Path("DIR/index.csv").unlink()
    for number in (2, 5):  # in colour
        for folder in ("images", "labels"):
            Path(f"DIR/{folder}/disc_{number:02d}.png").unlink()


def atlas() -> None:
    """The table of antibodies that `hpa fetch-public` writes beside its images."""
    with Path("ATLAS/train.csv").open() as file:
        ids = [row["ID"] for row in csv.DictReader(file)]
    rows = "".join(f"{image_id},HPA{number // 2:06d},U-2 OS\n" for number, image_id in enumerate(ids))
    Path("ATLAS/metadata.csv").write_text(f"ID,antibody,cell_line\n{rows}")


def crops() -> None:
    """Grey crops of single cells of two classes."""
    random = np.random.default_rng(0)
    for name in ("Nucleoli", "Cytosol"):
        for number in range(6):
            picture = random.integers(60, 200, (40, 40)).astype(np.uint8)
            path = Path("CELLS") / name / f"{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, picture)


if __name__ == "__main__":
    {"weights": weights, "nuclei": nuclei, "plates": plates, "large": large, "atlas": atlas, "crops": crops}[
        sys.argv[1]
    ]()
