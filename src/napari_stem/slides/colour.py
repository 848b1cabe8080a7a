"""How decoded samples become 8-bit RGB: YCbCr, opacity, and depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = (0.299, 0.587, 0.114)
_BRIGHT = 0.999  # share of the samples of a piece that are no hot pixels
_ROWS = 256  # that are converted at once, to hold little memory


@dataclass(frozen=True, slots=True)
class YCbCr:
    """Luminance and two differences of colour; the defaults are JPEG's (ITU-T T.871).

    Attributes
    ----------
    luma
        Shares of red, green and blue in luminance.
    black, white
        Codes of Y, Cb and Cr for no light and all light; TIFF 6.0, section 20.
    """

    luma: tuple[float, float, float] = _LUMA
    black: tuple[float, float, float] = (0, 128, 128)
    white: tuple[float, float, float] = (255, 255, 255)

    def rgb(self, samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(h, w, 3) samples as RGB."""
        red, green, blue = self.luma
        of_y, of_blue, of_red = np.eye(3)
        r = of_y + (2 - 2 * red) * of_red
        b = of_y + (2 - 2 * blue) * of_blue
        matrix = np.stack([r, (of_y - red * r - blue * b) / green, b], axis=1)
        span = np.subtract(self.white, self.black) / (255, 127, 127)
        rgb = np.empty(samples.shape, np.uint8)
        for top in range(0, len(samples), _ROWS):
            full = (samples[top : top + _ROWS] - np.array(self.black, float)) / span
            rgb[top : top + _ROWS] = (full @ matrix).round().clip(0, 255)
        return rgb


@dataclass(frozen=True, slots=True)
class Colours:
    """What the samples of a pixel are.

    Attributes
    ----------
    ycbcr
        The first three, if they are not RGB.
    alpha
        Which sample is opacity; those that are no colour and no opacity are left out.
    premultiplied
        Whether colours are stored as they look over black.
    bits
        That samples use, of 16.
    note
        What was found or assumed, where tags alone do not tell the colours.
    """

    ycbcr: YCbCr | None = None
    alpha: int | None = None
    premultiplied: bool = False
    bits: int = 8
    note: str = ""

    def rgb(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """(h, w, samples) as (h, w, 3)."""
        if samples.dtype != np.uint8:
            samples = (samples >> (self.bits - 8)).clip(0, 255).astype(np.uint8)
        colours = samples[..., :3]
        if self.ycbcr is not None:
            colours = self.ycbcr.rgb(colours)
        if self.alpha is None:
            return colours
        return _over_white(colours, samples[..., self.alpha, None], self.premultiplied)


def brightest_of(samples: NDArray[Any]) -> int:
    """The largest sample of a piece, but for a few hot pixels."""
    return int(np.quantile(samples, _BRIGHT, method="lower"))


def used_bits(brightest: int) -> tuple[int, str]:
    """The bits of 16 that samples use, going by the brightest, and how to tell it."""
    bits = max(8, brightest.bit_length())
    bits += bits % 2
    return bits, f"Of the 16 bits of a sample, {bits} are used: what the brightest pixels need."


def over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay (…, 4) pixels with an alpha channel over white; (…, 3) stay as they are."""
    if pixels.shape[-1] == 3:
        return pixels
    return _over_white(pixels[..., :3], pixels[..., 3:], premultiplied=False)


def _over_white(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], premultiplied: bool
) -> NDArray[np.uint8]:
    opacity = alpha.astype(np.uint16)
    if premultiplied:
        return (rgb + (255 - opacity)).clip(max=255).astype(np.uint8)
    mixed = (rgb * opacity + 255 * (255 - opacity) + 127) // 255
    return mixed.astype(np.uint8)
