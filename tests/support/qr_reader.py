"""A camera: reads the QR codes that a page shows."""

import re

import zxingcpp

_SCALE = 6  # pixels for each module


def read_codes(page: str) -> list[str]:
    """The text of every QR code that is drawn in the page."""
    return [_read(*found) for found in re.findall(r'<svg viewBox="0 0 (\d+) \d+" class="qr">(.*?)</svg>', page)]


def _read(side: str, drawn: str) -> str:
    pixels = int(side) * _SCALE
    image = bytearray(b"\xff" * (pixels * pixels))
    for x, y, length in _strokes(drawn):
        for row in range(y * _SCALE, (y + 1) * _SCALE):
            start = row * pixels + x * _SCALE
            image[start : start + length * _SCALE] = bytes(length * _SCALE)
    found = zxingcpp.read_barcodes(memoryview(image).cast("B", (pixels, pixels)))
    assert len(found) == 1, f"{len(found)} codes are read"
    return str(found[0].text)


def _strokes(drawn: str) -> list[tuple[int, int, int]]:
    """The dark stretches: lines of one module's height, each from its middle."""
    path = re.search(r'stroke="#000" d="([^"]+)"', drawn)
    assert path, "nothing dark is drawn"
    x, y, found = 0.0, 0.0, []
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            found.append((int(x), int(y), int(values[0])))
            x += values[0]
        elif command == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    return found
