"""Just enough of PDF 1.4 for pages of text: one font in two weights, A4, written by hand (ISO 32000-1, annex H)."""

from dataclasses import dataclass

_WIDTH, _HEIGHT = 595, 842  # points, A4
_FONTS = ("Helvetica", "Helvetica-Bold")  # two of the fonts that every reader has
_DIGIT, _OTHER = 0.556, 0.278  # widths in Helvetica of a digit and of a space, comma or point, as parts of its size


@dataclass(frozen=True)
class Text:
    """Words at a place: points from the left and from the top of the page."""

    words: str
    left: float
    top: float
    size: float = 10
    bold: bool = False


@dataclass(frozen=True)
class Rule:
    """A thin line across the page."""

    top: float


def document(pages: list[list[Text | Rule]], title: str) -> bytes:
    """A file with these pages. Letters that Windows-1252 does not have become question marks."""
    numbers = range(6, 6 + 2 * len(pages), 2)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        *(
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
            for name in _FONTS
        ),
        b"<< /Title " + _string(title) + b" /Producer (local stand-in for Stripe) >>",
    ]
    for number, marks in zip(numbers, pages, strict=True):
        content = b"\n".join(map(_draw, marks))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents {number + 1} 0 R "
            "/Resources << /Font << /F0 3 0 R /F1 4 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
    return _file(objects)


def width_of(figure: str, size: float) -> float:
    """How wide an amount is, in points: right enough to align figures at their right end."""
    return sum(_OTHER if letter in " ,.-" else _DIGIT for letter in figure) * size


def _file(objects: list[bytes]) -> bytes:
    """The objects, numbered from 1, with the table of where each begins."""
    body, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, thing in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, thing)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def _draw(mark: Text | Rule) -> bytes:
    if isinstance(mark, Rule):
        return b"0.6 w 50 %d m 545 %d l S" % (_HEIGHT - mark.top, _HEIGHT - mark.top)
    place = f"/F{int(mark.bold)} {mark.size:g} Tf 1 0 0 1 {mark.left:g} {_HEIGHT - mark.top:g} Tm ".encode()
    return b"BT " + place + _string(mark.words) + b" Tj ET"


def _string(words: str) -> bytes:
    encoded = words.encode("cp1252", "replace")
    for special in (b"\\", b"(", b")"):
        encoded = encoded.replace(special, b"\\" + special)
    return b"(" + encoded.replace(b"\r", b" ").replace(b"\n", b" ") + b")"
