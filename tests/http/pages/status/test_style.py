"""The colours of the page against each other, in light and in dark."""

import re
from importlib import resources

import pytest

CSS = resources.files("scoreline.http.pages").joinpath("status.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--(\w+): (#[0-9a-f]+);", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)


def measure_luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    channels = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def measure_contrast(one, other):
    lighter, darker = sorted((measure_luminance(one), measure_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("back", ["back", "card"])
@pytest.mark.parametrize("text", ["text", "dim", "link", "good", "warn", "bad"])
def test_text_can_be_read_on_what_is_behind_it(scheme, back, text):
    assert measure_contrast(scheme[text], scheme[back]) >= 4.5


def test_black_on_white_is_measured_as_the_largest_contrast():
    assert measure_contrast("#000", "#ffffff") == pytest.approx(21)
