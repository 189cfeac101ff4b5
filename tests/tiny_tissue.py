"""What tests of tissue share: sections to train on, and the words of a recipe that trains in seconds."""

from pathlib import Path

from hpa.cli import main

CHOICES = {"model": "unet", "loss": "pixel_sum"}


def tiny_words(pixel_um: float) -> tuple[str, ...]:
    """Return the words of a network of seconds, which sees sections at a pixel size."""
    return (
        "experiments=hubmap/unet_resnet34",
        "size=tiny",
        "trainer.precision=32-true",
        "trainer.accelerator=cpu",
        "model.encoder=tu-test_resnet",
        "model.decoder.decoder_channels=[16,16,8,8,8]",
        f"tiles.planes.pixel_um={pixel_um}",
    )


def write_sections(folder: Path, images: int, test_images: int, side_px: int) -> Path:
    """Write synthetic sections by the command, and return their folder."""
    words = ["--images", str(images), "--test-images", str(test_images), "--size", str(side_px), "--seed", "1"]
    assert main(["synth", str(folder), "--layout", "hubmap", *words]) == 0
    return folder
