"""The looks that each state of a page is examined in."""

from dataclasses import dataclass
from typing import Literal

from playwright.async_api import ViewportSize


@dataclass(frozen=True, slots=True)
class Look:
    """A colour scheme and the size of a window."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    height: int

    @property
    def viewport(self) -> ViewportSize:
        """The size of the window."""
        return {"width": self.width, "height": self.height}


LIGHT = Look("light", "light", 1100, 850)
DARK = Look("dark", "dark", 1100, 850)
PHONE = Look("phone", "light", 390, 844)
NARROW = Look("narrow", "light", 320, 800)
"""What a window of 1280 pixels has at 400 % zoom: WCAG 2.2, 1.4.10."""

LOOKS = (LIGHT, DARK, PHONE)
