"""The XML of S3's answers, as far as the body-discarding S3 needs it."""

from xml.etree import ElementTree
from xml.sax.saxutils import escape

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def element(tag: str, *children: str, **values: object) -> str:
    """Return an element: first the values as elements of their own, then the children."""
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
    return f"<{tag}>{inner}{''.join(children)}</{tag}>"


def listing(tag: str, *children: str, **values: object) -> bytes:
    """Return a whole answer."""
    inner = element(tag, *children, **values).removeprefix(f"<{tag}>")
    return f'{_DECLARATION}\n<{tag} xmlns="{_NAMESPACE}">{inner}'.encode()


def error(code: str) -> bytes:
    """Return S3's error document."""
    return f"{_DECLARATION}\n{element('Error', Code=code, Message=code)}".encode()


def text_of(parent: ElementTree.Element, tag: str) -> str:
    """Return the text of a child, whatever its namespace."""
    for child in parent:
        if child.tag.rpartition("}")[2] == tag:
            return child.text or ""
    return ""
