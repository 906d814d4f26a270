"""The child program that decodes images: `python -m core.datasets.decoder`.

It is sent many images in one frame and answers with one: what each image is, or why it cannot be used, and the looks of
those that can. Its place is the number of the image that it decodes, from 1; between two frames it is 0.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from itertools import accumulate, pairwise
from typing import Any

from PIL import Image

from core.datasets import frames, images, look
from core.datasets.bounds import Bounds
from core.datasets.confine import CpuTime, confine, pipes
from core.datasets.readers.imagefolder import nested
from core.datasets.readers.member import LeftOut
from core.datasets.warmup import warm
from core.errors import Problem

ARCHIVE_MAGIC = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\x28\xb5\x2f\xfd",
)


def main() -> None:
    reader, writer = pipes()
    order = frames.receive(reader, 0)
    if order is None:
        return
    limits = Bounds(**order.header["limits"])
    place, bounded = order.header["place"], CpuTime(limits.decode_seconds)
    warm(limits)
    look.look(Image.new("RGB", (200, 200)))
    frames.send(writer, {"kind": "ready", "confinement": confine(limits.sandbox_memory_bytes)})
    while (asked := frames.receive(reader, limits.max_member_bytes + frames.BATCH_BYTES)) is not None:
        found, greys = [], []
        with bounded:
            for n, (begin, end) in enumerate(pairwise(accumulate(asked.header["lengths"], initial=0)), start=1):
                os.lseek(place, n, os.SEEK_SET)
                bounded.renew()
                about, grey = _examine(asked.payload[begin:end], limits)
                found.append(about)
                if grey is not None:
                    greys.append(grey)
        os.lseek(place, 0, os.SEEK_SET)
        frames.send(writer, {"kind": "found", "found": found}, look.looks(greys))


def _examine(data: bytes, limits: Bounds) -> tuple[dict[str, Any], bytes | None]:
    """Decode one image fully: what it is and what its look is made from, or why it is left out."""
    try:
        facts, image = images.check(data, limits)
        return facts._asdict(), look.grey(image)
    except (Problem, MemoryError) as error:
        problem = error if isinstance(error, Problem) else images.too_much_memory()
        out = LeftOut("rejected", problem.code, problem.detail)
        if problem.code == "image-format" and (data.startswith(ARCHIVE_MAGIC) or data[257:262] == b"ustar"):
            out = nested()
        return asdict(out), None


if __name__ == "__main__":
    main()
