"""Faults planted in good images, as microscopes and people make them."""

from dataclasses import replace

import cv2
import numpy as np

from hpa.core.field import Field

FAULTS = ("focus", "saturation", "illumination", "debris", "empty", "duplicate", "mismatched")


def recorded(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return planes of 8 bit of an image in grey levels, with the noise of a camera."""
    noise = np.sqrt(np.maximum(light, 0) * 0.9 + 6) * rng.standard_normal(light.shape)
    return np.clip(light + noise, 0, 255).astype(np.uint8)


def smooth(pixels: np.ndarray, sigma_px: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(plane.astype(np.float32), (0, 0), sigma_px) for plane in pixels])


def plant(fault: str, field: Field, other: Field, rng: np.random.Generator) -> Field:
    """Return the field with one fault; `other` is another field of the same size."""
    height, width = field.pixels.shape[1:]
    pixels = field.pixels.astype(np.float32)
    match fault:
        case "focus":
            changed = recorded(smooth(field.pixels, rng.uniform(4, 8)), rng)
        case "saturation":
            factor = rng.uniform(3, 6)
            changed = np.clip(pixels * factor, 0, 255).astype(np.uint8)
        case "illumination":
            angle, least = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.25)
            y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
            along = (x * np.cos(angle) + y * np.sin(angle)) / (abs(np.cos(angle)) + abs(np.sin(angle)))
            changed = recorded(pixels * (least + (1 - least) * (along + 1) / 2), rng)
        case "debris":
            changed = np.clip(np.maximum(pixels, dirt(height, width, rng)), 0, 255).astype(np.uint8)
        case "empty":
            changed = recorded(np.full_like(pixels, rng.uniform(3, 20)), rng)
        case "duplicate":
            changed = np.clip(other.pixels * rng.uniform(0.7, 1.0), 0, 255).astype(np.uint8)
        case "mismatched":
            changed = field.pixels.copy()
            changed[0] = other.pixels[0]
    return replace(field, pixels=changed)


def dirt(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return bright fibres and clumps, in one or both planes."""
    planes = np.zeros((2, height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        sheet = np.zeros((height, width), np.uint8)
        place = rng.uniform(0.15, 0.85, 2) * [width, height]
        if rng.random() < 0.5:
            turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, 30))
            steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * width / 60
            points = np.rint(place + np.cumsum(steps, axis=0)).astype(np.int32)
            cv2.polylines(sheet, [points], False, 255, int(rng.integers(4, 9)))
        else:
            axes = tuple(int(value) for value in rng.integers(max(8, width // 40), max(12, width // 14), 2))
            cv2.ellipse(sheet, (int(place[0]), int(place[1])), axes, rng.uniform(0, 180), 0, 360, 255, -1)
        soft = cv2.GaussianBlur(sheet.astype(np.float32), (0, 0), 1.5) * rng.uniform(0.95, 1.3)
        planes[rng.integers(2)] += soft
        if rng.random() < 0.6:
            planes += soft
    return planes
