"""Annotations for CVAT ("CVAT for images 1.1"), to be uploaded to a task that has the same images: the label after the
decisions as a tag, and what the audit says as its attributes. A tag is `manual` where a person stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from core.datasets.exports.content import Content, Entry
from core.datasets.exports.lines import joined
from core.datasets.exports.xml import printable

ATTRIBUTES = ("given_label", "suggested_label", "wrong", "decision")


def write(content: Content) -> Iterator[bytes]:
    """The list of labels, then every audited image that was not taken out, the most suspicious first."""
    declared = "".join(
        f"<attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
        for name in ATTRIBUTES
    )
    labels = "".join(
        f"<label><name>{_text(name)}</name><type>tag</type><attributes>{declared}</attributes></label>\n"
        for name in content.classes
    )
    left = content.audited[content.label[content.audited] >= 0]
    yield f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
<version>1.1</version>
<meta><task><name>{_text(content.about.dataset_name)}</name><size>{len(left)}</size><mode>annotation</mode>
<labels>
{labels}</labels></task><labelaudit>{_text(content.about.line())}</labelaudit></meta>
""".encode()
    yield from joined(_image(content, place, entry) for place, entry in enumerate(content.entries(left)))
    yield b"</annotations>\n"


def _image(content: Content, place: int, entry: Entry) -> str:
    ranked, n = content.ranked, entry.n
    suggested = int(ranked.suggested[n])
    told = (entry.given, "" if suggested < 0 else content.classes[suggested], f"{ranked.score[n]:.6f}", entry.decision)
    attributes = "".join(
        f"<attribute name={quoteattr(name)}>{_text(value or '')}</attribute>"
        for name, value in zip(ATTRIBUTES, told, strict=True)
    )
    source = "manual" if content.upheld[n] == 1 else "auto"
    return (
        f"<image id={quoteattr(str(place))} name={quoteattr(printable(entry.path))} "
        f"width={quoteattr(str(entry.width))} height={quoteattr(str(entry.height))}>"
        f"<tag label={quoteattr(printable(entry.label))} source={quoteattr(source)}>{attributes}</tag></image>\n"
    )


def _text(text: str) -> str:
    return escape(printable(text))
