"""Pixel augmentations that a satellite picture can really suffer; geometry is left to the trainer."""

import albumentations as A  # noqa: N812


def pixel_augmentations() -> list[A.BasicTransform]:
    """Haze and glare, gain and white balance, the sensor's blur and noise, compression, a coarser sensor.

    All are pixel-level: boxes stay where they are.
    """
    return [
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.25, p=0.5),
        A.RandomGamma(gamma_limit=(75, 135), p=0.4),
        A.RGBShift(r_shift_limit=12, g_shift_limit=12, b_shift_limit=12, p=0.3),
        A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.1), p=0.25),
        A.Downscale(scale_range=(0.5, 0.9), p=0.12),
        A.GaussNoise(std_range=(0.005, 0.03), p=0.25),
        A.ImageCompression(quality_range=(55, 95), p=0.15),
        A.ToGray(p=0.06),
    ]
