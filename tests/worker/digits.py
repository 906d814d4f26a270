"""A small dataset with planted errors, for tests that need a whole audit."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

from core.science.noise import symmetric
from core.store import datasets, uploads
from core.store.blobs import Blobs
from core.store.db import Database
from labelaudit.demo import Planted


def plant_few(archive: Path, samples: int = 240, rate: float = 0.08) -> Planted:
    """The first digits as a zip with planted errors, one broken image and one file that is none."""
    digits = load_digits()
    noise = symmetric(digits.target[:samples], classes=10, rate=rate, seed=0)
    truth = {}
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("few/README.txt", "digits")
        out.writestr("few/3/broken.png", b"not a picture at all")
        for n in range(samples):
            path = f"few/{noise.labels[n]}/{n:04d}.png"
            if noise.flipped[n]:
                truth[path] = str(digits.target[n])
            image = io.BytesIO()
            Image.fromarray((digits.images[n] * 255 / 16).round().astype("uint8")).save(image, "PNG")
            out.writestr(path, image.getvalue())
    return Planted(archive, truth, samples)


def uploaded(db: Database, blobs: Blobs, content: bytes, part: int = 7000) -> tuple[str, str]:
    """A dataset of these bytes, as the API would make it; its id and its job's."""
    with db.write() as session:
        upload = uploads.begin(session)
        parts = [(offset, len(content[offset : offset + part])) for offset in range(0, len(content), part)]
        for offset, size in parts:
            blobs.put(uploads.part_key(upload.id, offset), content[offset : offset + size])
        uploads.complete(session, upload, parts, "0" * 64)
        named = {"name": "few", "format": "zip", "size": len(content), "sha256": "0" * 64, "request_id": "r"}
        dataset, job = datasets.create(session, upload, **named)
        return dataset.id, job.id
