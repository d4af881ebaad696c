"""Pages as a browser without JavaScript sees them: forms to fill in, elements by their id."""

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
Attributes = dict[str, str]


class Form:
    """A form and what a person would send with it without touching anything."""

    def __init__(self, attributes: Attributes) -> None:
        self.id = attributes.get("id", "")
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        """What is sent: the hidden and chosen values, and what the person typed."""
        return {**self.fields, **values}

    def add(self, tag: str, attributes: Attributes) -> None:
        """One field, as it stands in the page."""
        name, kind = attributes.get("name"), attributes.get("type", "text")
        if name is None or kind in ("submit", "button") or tag == "button":
            return
        if kind in ("radio", "checkbox"):
            value = attributes.get("value", "on")
            self.choices.setdefault(name, []).append(value)
            if "checked" in attributes:
                self.fields[name] = value
        else:
            self.fields[name] = attributes.get("value", "")


class Page(HTMLParser):
    """The parts of a page that matter here."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: dict[str, str] = {}
        self.elements: list[Attributes] = []
        self._open: list[tuple[str, str | None]] = []
        self._form: Form | None = None
        self._select: str | None = None
        self.feed(html)
        self.close()

    def form(self, name: str | None = None) -> Form | None:
        """The form with this id, or the first that is sent by POST."""
        if name is None:
            return next((form for form in self.forms if form.method == "post"), None)
        return next((form for form in self.forms if form.id == name), None)

    def with_attribute(self, name: str) -> Iterator[Attributes]:
        """The attributes of every element that has this one."""
        return (element for element in self.elements if name in element)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append({"": tag, **attributes})
        if tag == "form":
            self._form = Form(attributes)
            self.forms.append(self._form)
        elif tag == "select":
            self._select = attributes.get("name")
        elif tag == "option" and self._form is not None and self._select is not None:
            if "selected" in attributes or self._select not in self._form.fields:
                self._form.fields[self._select] = attributes.get("value", "")
        elif tag in ("input", "textarea", "button") and self._form is not None:
            self._form.add(tag, attributes)
        if tag not in _VOID:
            self._open.append((tag, attributes.get("id")))

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and with it those that were never closed inside."""
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = None
        if any(tag == opened for opened, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Text belongs to every open element that has an id."""
        for _, name in self._open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data
