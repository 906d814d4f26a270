"""How fast a dataset is uploaded: through the real service, against `dd` writing the same bytes to the same disk.

    python -m bench.upload [--bytes 2G] [--pairs 5] [--folder DIR]

Both read from the page cache and end when the bytes are on the disk (`dd conv=fsync`; the service's 202). Their order
alternates from pair to pair, and the figure is the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from bench.record import record, show
from bench.service import HOST, Service, service

MEMBER = 32 << 20
SMALL = 64 << 20
TARGET, TARGET_GROWTH = 0.8, 64 << 20
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.upload", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bytes", type=size, default=2 << 30, help="size of the upload, as in 500M or 2G")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to measure")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="la-upload-", dir=args.folder) as folder:
        result = measure(Path(folder), args.bytes, args.pairs)
    tell(args.bytes, result)
    record("upload", {"bytes": args.bytes, "pairs": args.pairs}, result)
    return 0


def size(text: str) -> int:
    """`2G` and the like in bytes."""
    unit = UNITS.get(text[-1:].upper())
    return int(text[:-1]) * unit if unit else int(text)


def measure(folder: Path, count: int, pairs: int) -> dict[str, Any]:
    """All pairs, and what the service needed for them."""
    source, small = archive(folder / "source.zip", count), archive(folder / "small.zip", min(SMALL, count))
    home = folder / "home"
    with service(home) as server:
        upload(server, home, small)
        server.forget_peak()
        upload(server, home, small)
        base = server.peak_bytes()
        server.forget_peak()
        cpu = server.cpu_s()
        ours, disk = [], []
        for pair in range(pairs):
            if pair % 2:
                ours.append(upload(server, home, source))
            disk.append(copy(source, folder))
            if not pair % 2:
                ours.append(upload(server, home, source))
        cpu = (server.cpu_s() - cpu) / pairs
        growth = server.peak_bytes() - base
    moved = source.stat().st_size
    return {
        "upload_mb_s": [round(moved / seconds / 1e6, 1) for seconds in ours],
        "dd_mb_s": [round(moved / seconds / 1e6, 1) for seconds in disk],
        "ratios": [round(theirs / mine, 3) for mine, theirs in zip(ours, disk, strict=True)],
        "ratio": round(statistics.median(theirs / mine for mine, theirs in zip(ours, disk, strict=True)), 3),
        "cpu_s_per_gb": round(cpu / moved * 1e9, 2),
        "peak_growth_bytes": growth,
    }


def archive(path: Path, count: int) -> Path:
    """A zip of about that many bytes that cannot be compressed, stored."""
    block = random.Random(0).randbytes(min(MEMBER, count))
    with zipfile.ZipFile(path, "w") as out:
        for n in range(max(1, count // MEMBER)):
            out.writestr(zipfile.ZipInfo(f"images/noise/{n:05d}.bin"), n.to_bytes(8, "big") + block[8:])
    return path


def upload(server: Service, home: Path, source: Path) -> float:
    """Seconds until the service says that it has everything. The parts are removed afterwards."""
    warm(source)
    began = time.perf_counter()
    with socket.create_connection((HOST, server.port)) as connection, source.open("rb") as file:
        length = source.stat().st_size
        head = ("POST /v1/datasets?name=bench HTTP/1.1", "Host: localhost", f"Content-Length: {length}", "", "")
        connection.sendall("\r\n".join(head).encode())
        connection.sendfile(file)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            received = connection.recv(1 << 16)
            if not received:
                break
            answer += received
    seconds = time.perf_counter() - began
    if not answer.startswith(b"HTTP/1.1 202"):
        raise RuntimeError(answer[:500].decode(errors="replace"))
    stored = json.loads(answer.partition(b"\r\n\r\n")[2])["size"]
    if stored != length:
        raise RuntimeError(f"the service counts {stored} bytes")
    shutil.rmtree(home / "blobs" / "uploads")
    return seconds


def copy(source: Path, folder: Path) -> float:
    """Seconds that dd needs."""
    warm(source)
    target = folder / "copy"
    command = ["dd", f"if={source}", f"of={target}", "bs=8M", "conv=fsync", "status=none"]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - began
    target.unlink()
    return seconds


def warm(source: Path) -> None:
    """Have the source in the page cache and nothing else waiting for the disk."""
    with source.open("rb", buffering=0) as file:
        while file.read(8 << 20):
            pass
    os.sync()


def tell(count: int, result: dict[str, Any]) -> None:
    """The table for whoever watches."""
    pairs = zip(result["upload_mb_s"], result["dd_mb_s"], result["ratios"], strict=True)
    show(f"upload of {count / 1e9:.2f} GB", ("service MB/s", "dd MB/s", "ratio"), list(pairs))
    growth = result["peak_growth_bytes"]
    show(
        "targets",
        ("what", "figure", "target", "met"),
        [
            ("service over dd, median", result["ratio"], f"≥ {TARGET}", result["ratio"] >= TARGET),
            ("growth of peak memory, MB", growth / 1e6, f"≤ {TARGET_GROWTH / 1e6:.0f}", growth <= TARGET_GROWTH),
            ("CPU seconds per GB", result["cpu_s_per_gb"], "–", None),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
