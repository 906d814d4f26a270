"""People who use the service while it storms: they upload, start, pause, cancel, look, remove, and write down what
they saw. What got no answer they ask again if it carries a key, as a good client does, and otherwise leave open."""

from __future__ import annotations

import itertools
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.storm.history import ENDED, History, Op

PAUSE_S = (0.2, 1.2)
ANSWER_S = 20.0  # for which a client waits
TRIES = 12
AGAIN_S = 1.0
MOST_OPEN, MOST_DATASETS = 6, 8  # audits at work, datasets: beyond, nobody makes another one
EPOCHS = (3, 6)
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"
PIECES = 4


@dataclass
class Known:
    """What clients know of, all of them together: each may do anything to what another one made."""

    archives: Sequence[bytes]
    audits: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)  # audits of which nobody knows that they ended
    marks: Any = field(default_factory=lambda: itertools.count(1))

    def pick(self, dice: random.Random, about: str) -> str | None:
        kept = self.audits if about == "audit" else self.datasets
        return dice.choice(kept) if kept else None

    def forget(self, id: str) -> None:
        for kept in (self.audits, self.datasets):
            if id in kept:
                kept.remove(id)
        self.open.discard(id)


def named(mark: int, archive: int) -> str:
    return f"storm-{mark}-{archive}"


def archive_in(name: str) -> int:
    return int(name.rpartition("-")[2])


class Visitor(threading.Thread):
    """One of them; `ports` are the API's processes, and any will do for any request."""

    def __init__(self, k: int, seed: int, ports: Sequence[int], known: Known, history: History) -> None:
        super().__init__(daemon=True, name=f"client {k}")
        self._k, self._ports, self._known, self._history = k, ports, known, history
        self._dice = random.Random(f"{seed} {k}")
        self._http = httpx2.Client(timeout=ANSWER_S)
        self._over = threading.Event()
        self.broke: BaseException | None = None
        self._wishes: dict[Callable[[], None], int] = {
            self._start: 4,
            self._upload: 1,
            self._send_in_pieces: 1,
            self._read: 10,
            self._list: 3,
            self._events: 3,
            self._cancel: 1,
            self._pause: 1,
            self._resume: 2,
            self._remove: 1,
            self._remove_dataset: 1,
        }

    def leave(self) -> None:
        self._over.set()

    def run(self) -> None:
        try:
            while not self._over.wait(self._dice.uniform(*PAUSE_S)):
                [wish] = self._dice.choices(list(self._wishes), list(self._wishes.values()))
                wish()
        except BaseException as error:
            self.broke = error

    def _start(self) -> None:
        dataset = self._known.pick(self._dice, "dataset")
        if dataset is None or len(self._known.open) >= MOST_OPEN:
            return
        mark = next(self._known.marks)
        body = {"dataset_id": dataset, "epochs": self._dice.choice(EPOCHS), "seed": 1, "max_s": 100_000 + mark}
        made = self._until_known("audit", str(mark), "/v1/audits", {"dataset": dataset}, json=body)
        if made is not None:
            self._known.audits.append(made)
            self._known.open.add(made)

    def _upload(self) -> None:
        if len(self._known.datasets) >= MOST_DATASETS:
            return
        which = self._dice.randrange(len(self._known.archives))
        name = named(next(self._known.marks), which)
        sent = {"params": {"name": name}, "content": self._known.archives[which]}
        made = self._until_known("dataset", name, "/v1/datasets", None, **sent)
        if made is not None:
            self._known.datasets.append(made)

    def _send_in_pieces(self) -> None:
        """A tus upload that goes on wherever the service says that it stands."""
        if len(self._known.datasets) >= MOST_DATASETS:
            return
        which = self._dice.randrange(len(self._known.archives))
        content, name = self._known.archives[which], named(next(self._known.marks), which)
        created = self._op(
            "make", "upload", name, "POST", "/v1/uploads", headers={**TUS, "Upload-Length": str(len(content))}
        )
        if not created.ok or created.id is None:
            return
        upload, at = created.id, 0
        for _ in range(10 * TRIES):
            if at == len(content):
                break
            piece = content[at : at + -(-len(content) // PIECES)]
            headers = {**TUS, "Content-Type": OCTETS, "Upload-Offset": str(at)}
            path = f"/v1/uploads/{upload}"
            sent = self._op("patch", "upload", upload, "PATCH", path, headers=headers, content=piece)
            if not sent.ok:
                time.sleep(AGAIN_S / 2)
                sent = self._op("head", "upload", upload, "HEAD", path, headers=TUS)
            at = sent.seen if sent.ok else at
        body = {"upload_id": upload, "name": name}
        made = self._until_known("dataset", name, "/v1/datasets", None, json=body) if at == len(content) else None
        if made is not None:
            self._known.datasets.append(made)

    def _read(self) -> None:
        about = self._dice.choice(("audit", "audit", "dataset"))
        if (id := self._known.pick(self._dice, about)) is not None:
            op = self._op("read", about, id, "GET", f"/v1/{about}s/{id}")
            if op.seen in ENDED:
                self._known.open.discard(id)
            elif op.code == "not-found":
                self._known.forget(id)

    def _list(self) -> None:
        """All pages, as one look that began with the first and ended with the last."""
        about = self._dice.choice(("audit", "dataset"))
        sent, ids, after = time.monotonic(), [], None
        while True:
            query = {"limit": 50} | ({"after": after} if after else {})
            answer = self._ask("GET", f"/v1/{about}s", params=query)
            body = _json(answer)
            if answer is None or answer.status_code != 200:
                break
            ids += [row["id"] for row in body["data"]]
            if (after := body["next"]) is None:
                break
        status, code = (None, None) if answer is None else (answer.status_code, body.get("code"))
        self._history.add(Op(self._k, "list", about, "", sent, time.monotonic(), status, code, seen=ids))

    def _events(self) -> None:
        if (id := self._known.pick(self._dice, "audit")) is not None:
            self._op("events", "audit", id, "GET", f"/v1/audits/{id}/events", params={"limit": 1000})

    def _cancel(self) -> None:
        self._to_one("cancel")

    def _pause(self) -> None:
        self._to_one("pause")

    def _resume(self) -> None:
        self._to_one("resume")

    def _to_one(self, what: str) -> None:
        open = sorted(self._known.open)
        if open:
            id = self._dice.choice(open)
            self._op(what, "audit", id, "POST", f"/v1/audits/{id}/{what}")

    def _remove(self) -> None:
        if (id := self._known.pick(self._dice, "audit")) is not None:
            force = self._dice.random() < 0.5
            if not self._op("delete", "audit", id, "DELETE", f"/v1/audits/{id}", params={"force": force}).refused:
                self._known.forget(id)

    def _remove_dataset(self) -> None:
        if len(self._known.datasets) > 3 and (id := self._known.pick(self._dice, "dataset")) is not None:
            force = self._dice.random() < 0.5
            if not self._op("delete", "dataset", id, "DELETE", f"/v1/datasets/{id}", params={"force": force}).refused:
                self._known.forget(id)

    def _until_known(self, about: str, mark: str, path: str, seen: Any, **request: Any) -> str | None:
        """Something made, asked for with one key until there is an answer; its id. Half of it without a key, once."""
        keyed = self._dice.random() < 0.7
        headers = {"Content-Type": "application/zip"} if "content" in request else {}
        headers |= {"Idempotency-Key": secrets.token_hex(8)} if keyed else {}
        for _ in range(TRIES if keyed else 1):
            op = self._op("make", about, mark, "POST", path, seen, headers=headers, **request)
            if not op.unknown:
                return op.id if op.ok else None
            time.sleep(AGAIN_S)
        return None

    def _op(self, kind: str, of: str, mark: str, method: str, path: str, note: Any = None, **request: Any) -> Op:
        sent = time.monotonic()
        answer = self._ask(method, path, **request)
        back = time.monotonic()
        if answer is None:
            return self._history.add(Op(self._k, kind, of, mark, sent, back, seen=note))
        body, id, seen = _json(answer), None, note
        if answer.is_success:
            id = body.get("id") or answer.headers.get("Location", "").rpartition("/")[2] or None
            if "Upload-Offset" in answer.headers:
                seen = int(answer.headers["Upload-Offset"])
            elif kind == "events":
                seen = [event["id"] for event in body["data"]]
            elif kind == "read":
                seen = body["status"]
        return self._history.add(
            Op(self._k, kind, of, mark, sent, back, answer.status_code, body.get("code"), id, seen)
        )

    def _ask(self, method: str, path: str, **request: Any) -> httpx2.Response | None:
        """The answer of whichever process comes first to hand; none if the connection broke or nobody answered."""
        url = f"http://127.0.0.1:{self._dice.choice(self._ports)}{path}"
        try:
            return self._http.request(method, url, **request)
        except httpx2.TransportError:
            return None


def _json(answer: httpx2.Response | None) -> dict[str, Any]:
    if answer is None or not answer.content or "json" not in answer.headers.get("Content-Type", ""):
        return {}
    found: dict[str, Any] = answer.json()
    return found
