"""What a config may name: for each slot, by their names, the classes that fill it.

A config may come from a stranger, inside a checkpoint. It names parts and gives them plain values; it never names code
to run, a variable of the environment, or anything else that is looked up when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.core.json_file import MAX_WHOLE
from hpa.core.part_source import classes_of
from hpa.core.plugins import plugin_folder
from hpa.core.project_folder import project_folder


def _each(package: str, names: str) -> tuple[str, ...]:
    return tuple(f"{package}.{name}" for name in names.split())


TRANSFORMS: tuple[str, ...] = _each(
    "albumentations",
    """
    AdvancedBlur Affine AutoContrast Blur CLAHE ChannelDropout ChannelShuffle CoarseDropout ColorJitter Compose D4
    Defocus Downscale ElasticTransform Emboss Equalize FancyPCA GaussNoise GaussianBlur GridDistortion GridDropout
    HorizontalFlip HueSaturationValue ISONoise Illumination ImageCompression InvertImg MedianBlur MotionBlur
    MultiplicativeNoise NoOp Normalize OneOf OpticalDistortion Perspective PlanckianJitter PlasmaBrightnessContrast
    Posterize RGBShift RandomBrightnessContrast RandomGamma RandomGridShuffle RandomRotate90 RandomScale RandomToneCurve
    RingingOvershoot Rotate SafeRotate SaltAndPepper Sequential Sharpen ShiftScaleRotate ShotNoise Solarize SomeOf
    SquareSymmetry ThinPlateSpline ToGray Transpose UnsharpMask VerticalFlip ZoomBlur
    """,
)
"""Transforms that read no file and call no function they are given."""

OPTIMIZERS: tuple[str, ...] = _each(
    "torch.optim", "ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax NAdam RAdam RMSprop Rprop SGD"
)

CALLBACKS: tuple[str, ...] = _each(
    "pytorch_lightning.callbacks", "DeviceStatsMonitor LearningRateMonitor RichProgressBar Timer TQDMProgressBar"
)
"""Callbacks that read no file and call no function they are given."""

TASKS: tuple[str, ...] = ("cells", "pixels")
"""The kinds of training (`task`); each has a file in conf/task/."""

SLOTS: Mapping[str, tuple[str, ...]] = {
    "data": ("hpa.sources.", "hpa.simulation.source."),
    "segmenter": ("hpa.segmenters.", "hpa.models.cellpose_network.", "hpa.inference.saved_network."),
    "model": ("hpa.models.",),
    "loss": ("hpa.losses.",),
    "supervision": ("hpa.supervision.",),
    "metric": ("hpa.metrics.",),
    "optimizer": ("hpa.training.optimization.", "hpa.training.schedule.", "hpa.training.clipping.", *OPTIMIZERS),
    "augment": ("hpa.cells.", "hpa.pixels.", *TRANSFORMS),
    "batch_augment": ("hpa.cells.",),
    "sampling": ("hpa.cells.sampling.",),
    "crop": ("hpa.cells.crops.",),
    "field": ("hpa.cells.fields.",),
    "tiles": ("hpa.pixels.tiles.", "hpa.core.planes."),
    "loading": ("hpa.cells.loading.", "hpa.pixels.loading."),
    "folds": ("hpa.sources.fold_plan.",),
    "store": ("hpa.cells.store.", "hpa.pixels.store."),
    "trainer": ("hpa.training.fit.",),
    "callbacks": ("hpa.training.more_callbacks.", *CALLBACKS),
    "logger": ("hpa.training.",),
    "stages": ("hpa.stages.", "hpa.supervision."),
    "workload": ("hpa.inference.",),
    "tta": ("hpa.inference.",),
    "ensemble": ("hpa.inference.",),
    "fusion": ("hpa.inference.",),
    "rules": ("hpa.inference.",),
    "thresholds": ("hpa.inference.",),
    "also": ("hpa.inference.", "hpa.reports.", "hpa.measurements."),
    "engine": ("hpa.engines.",),
    "limits": ("hpa.intake.",),
}
"""Which classes may fill each slot: a full name stands for one class, a name that ends in a dot for all below it."""

LIBRARY_CLASSES = frozenset({*TRANSFORMS, *OPTIMIZERS, *CALLBACKS})
_PACKAGE = Path(__file__).parent
_EVERYWHERE = tuple(sorted({name for names in SLOTS.values() for name in names}))
_INSTRUCTIONS = ("_target_", "_task_", "_partial_", "_recursive_")
"""Keys that are no argument of a part: its class, the task it serves, and how it is built."""
_MAX_DEPTH = 40
_MAX_VALUES = 100_000
_TARGET = re.compile(r"\b_target_: *([\w.]+)")
_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)


def require_safe(config: Any, where: str) -> None:
    """Refuse a config that is more than plain values and parts that fill their slots; nothing is imported.

    Args:
        config: A whole config, slot by slot.
        where: Where it comes from, for messages.

    Raises:
        InputError: Naming the key, what stands there and what may stand there.
    """
    if not isinstance(config, dict):
        raise InputError(f"{where}: its config is no mapping of slots; expected one written by train.py.")
    require_plain(config, where)
    require_slots(config, where)


def require_slots(config: Mapping[str, Any], where: str) -> None:
    """Refuse every `_target_` that does not fill the slot it stands in.

    Raises:
        InputError: Naming the key and what may stand there.
    """
    _require_named_plugins(config.get("plugins"), where)
    for slot, part in config.items():
        require_targets(part, where, slot, SLOTS.get(slot, ()))


def _require_named_plugins(plugins: Any, where: str) -> None:
    """Refuse plugins that the user did not name, before their classes are looked for."""
    names = plugins if isinstance(plugins, list | tuple) else [plugins] if plugins else []
    missing = [str(name)[:80] for name in names if plugin_folder(str(name)) is None]
    if missing:
        raise InputError(
            f"{where}: uses the plugin {', '.join(missing)}, and nothing of it was imported. If you trust this "
            f"package, name it: plugins=[{','.join(missing)}]."
        )


def require_plain(node: Any, where: str, key: str = "") -> None:
    """Refuse interpolations (`${…}`), values that are not plain, and more of them than any config has.

    A pickle may hold one list many times over, in lists held many times over: few bytes, values without end.

    Raises:
        InputError: Naming the key.
    """
    for count, (place, value) in enumerate(_values_of(node, where, key, 0)):
        if count >= _MAX_VALUES:
            raise InputError(f"{where}: holds more than {_MAX_VALUES:,} values at {place[:80]}…; no config does.")
        if isinstance(value, str):
            if value == "???":
                raise InputError(f"{where}: {place} is missing (???); write its value there.")
            if "${" in value:
                raise InputError(
                    f"{where}: {place} holds the interpolation {value[:60]!r}; a saved config holds plain values only, "
                    "and nothing of it is looked up. Write the value itself there."
                )
        elif value is not None and not isinstance(value, bool | int | float):
            raise InputError(f"{where}: {place} is a {type(value).__name__}; a config holds plain values only.")
        elif isinstance(value, int) and abs(value) > MAX_WHOLE:
            raise InputError(
                f"{where}: {place} is a whole number of {value.bit_length()} bits, at most 63 are expected; write a "
                "smaller one."
            )


def _values_of(node: Any, where: str, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the place and value of whatever is no mapping or list, and of each key."""
    if depth > _MAX_DEPTH:
        raise InputError(f"{where}: {key[:80]}… is nested deeper than {_MAX_DEPTH} levels; no config of train.py is.")
    if isinstance(node, dict):
        for name, value in node.items():
            if not isinstance(name, str | int):
                raise InputError(f"{where}: {key or 'the config'} has a key that is no text ({type(name).__name__}).")
            place = f"{key}.{name}".lstrip(".")
            yield place, name
            yield from _values_of(value, where, place, depth + 1)
    elif isinstance(node, list | tuple):
        yield key, None  # counts empty ones too
        for index, value in enumerate(node):
            yield from _values_of(value, where, f"{key}[{index}]", depth + 1)
    else:
        yield key, node


def require_targets(node: Any, where: str, key: str, allowed: tuple[str, ...] = _EVERYWHERE) -> None:
    """Refuse every `_target_` that is not among the allowed classes, and instructions that no part of ours needs.

    Raises:
        InputError: Naming the key and what may stand there.
    """
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "_target_":
                _require_target(value, where, key, allowed)
            elif isinstance(name, str) and name.startswith("_") and name not in _INSTRUCTIONS:
                raise InputError(f"{where}: {key}.{name} is no setting of a part; remove it.")
            elif name in ("_partial_", "_recursive_") and not isinstance(value, bool):
                raise InputError(f"{where}: {key}.{name} must be true or false, not {value!r}.")
            else:
                require_targets(value, where, f"{key}.{name}", allowed)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            require_targets(value, where, f"{key}[{index}]", allowed)


def _require_target(target: Any, where: str, key: str, allowed: tuple[str, ...]) -> None:
    if isinstance(target, str) and _NAME.fullmatch(target):
        fills = any(target.startswith(name) if name.endswith(".") else target == name for name in allowed)
        if fills and (target in LIBRARY_CLASSES or _is_own_class(target)):
            return
        if allowed and plugin_folder(target.partition(".")[0]) is not None and _is_own_class(target):
            return
    may = (
        ", ".join(f"{name}*" if name.endswith(".") else name for name in allowed[:6]) or "none: it is no slot of parts"
    )
    more = " …" if len(allowed) > 6 else ""
    raise InputError(
        f"{where}: {key}: _target_ {str(target)[:80]}: a config names parts that fill this slot ({may}{more}), and "
        "nothing else; nothing was imported or run."
    )


def _is_own_class(target: str) -> bool:
    """Return whether a plugin defines the class, or a module of this package one that a shipped config names.

    Many classes of this package are no parts, and some write or remove the file that they are given. The text of
    modules is read, not imported.
    """
    module, _, name = target.rpartition(".")
    is_part = not module.startswith(f"{_PACKAGE.name}.") or target in _parts(project_folder())
    return is_part and name in classes_of(module)


@cache
def _parts(project: Path) -> frozenset[str]:
    """Return the classes that the shipped configs and recipes name."""
    files = [file for folder in ("conf", "experiments") for file in (project / folder).rglob("*.yaml")]
    return frozenset(name for file in files for name in _TARGET.findall(file.read_text(encoding="utf-8")))
