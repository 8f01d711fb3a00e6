"""Reads rendered markup as a browser would, as far as tests ask: elements, their attributes and the text in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"path"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list["Element"] = field(default_factory=list)


class MarkupReader(HTMLParser):
    """Fails where an element is not closed, or is closed in another one."""

    def __init__(self, markup):
        super().__init__()
        self.elements = []
        self._open = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        assert len(element.attributes) == len(attrs), "an attribute is there twice"
        if self._open:
            self._open[-1].children.append(element)
        self.elements.append(element)
        self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def find(self, tag, **attributes):
        return [e for e in self.elements if e.tag == tag and attributes.items() <= e.attributes.items()]

    def one(self, tag, **attributes):
        (found,) = self.find(tag, **attributes)
        return found
