"""Make the picture in the README: `python -m docs.picture FOLDER_OF_A_RUN`, of a run with vit_b_16 under all tools."""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PAGE = Path("models", "vit_b_16.html")
PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1280, 885
"""To the end of the first tool's compute."""


def picture_of(page: Path) -> Image.Image:
    """Return what a browser shows of a page without scrolling, in 256 colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5)
        tab.goto(page.resolve().as_uri())
        shown = tab.screenshot()
        browser.close()
    return Image.open(BytesIO(shown)).convert("RGB").quantize(256, dither=Image.Dither.NONE)


if __name__ == "__main__":
    picture_of(Path(sys.argv[1]) / PAGE).save(PICTURE, optimize=True)
