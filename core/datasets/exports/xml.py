"""Text for XML, which cannot say everything."""

from __future__ import annotations


def printable(text: str) -> str:
    """The same text, without the characters that XML has no way to write."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "�" for c in text
    )
