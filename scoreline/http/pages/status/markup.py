"""HTML that cannot be broken from outside: what is no markup of ours is text, and is escaped where it is put in."""

from collections.abc import Sequence
from html import escape
from typing import TypeAlias

MOST_CHARACTERS = 200


Attribute: TypeAlias = str | int | bool | None


class Html(str):
    """Text that is markup already; only this module makes it."""

    __slots__ = ()


Child: TypeAlias = str | int | None

_EMPTY = frozenset({"br", "path", "rect"})


def element(name: str, *children: Child, **attributes: Attribute) -> Html:
    """An element with children, of which everything but `Html` is escaped; None is left out.

    Args:
        attributes: `class_` is `class`, `data_key` is `data-key`; True has no value, False and None are left out.
    """
    told = "".join(_write_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Html(f"<{name}{told}>" if name == "br" else f"<{name}{told}/>")
    return Html(f"<{name}{told}>{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Children one after the other."""
    return Html("".join(_write(child) for child in children if child is not None))


def name_of(text: str) -> Html:
    """A name that comes from outside: whatever letters it has, they turn nothing around it, and take no page."""
    shown = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
    return element("bdi", shown)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]], *, key: str) -> Html:
    """A table whose first column names its rows; on a narrow screen each row becomes a block.

    Args:
        key: what tells it from others when the page is refreshed.
    """
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, data_label=label) for label, cell in zip(heads[1:], row[1:], strict=True)),
        )
        for row in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        data_key=key,
        class_="wide" if len(heads) > _NARROW else None,
    )


_NARROW = 3


def section(key: str, title: str, *children: Child) -> Html:
    """A region of the page with its heading."""
    return element(
        "section", element("h2", title, id=f"{key}-title"), *children, id=key, aria_labelledby=f"{key}-title"
    )


def note(*children: Child) -> Html:
    """A paragraph that says why there is nothing, or what a figure means."""
    return element("p", *children, class_="dim")


def _write(child: str | int) -> str:
    return child if isinstance(child, Html) else escape(str(child))


def _write_attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
