"""Codes for cameras, drawn as part of the page."""

import segno
from markupsafe import Markup

_QUIET = 4  # modules of white around it (ISO/IEC 18004, section 6.3.8)


def qr(text: str, label: str) -> Markup:
    """The text as a QR code that reads in dark surroundings too; ``label`` is said instead of it."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(border=_QUIET, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    frame = Markup('<div class="scan" role="img" aria-label="{}">{}</div>')
    return frame.format(label, Markup(drawn))  # noqa: S704  segno draws modules, and writes none of the text
