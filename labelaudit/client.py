"""The service from Python: the calls of the REST API as methods, and waiting done right.

with Client("http://127.0.0.1:8484") as service:
    dataset = service.upload(Path("photos.zip"), name="photos")
    dataset = service.wait_for_dataset(dataset["id"])
    audit = service.wait_for_audit(service.start_audit(dataset["id"])["id"])
    for suspect in service.suspects(audit["id"]):
        print(suspect["path"], suspect["given_label"], "→", suspect["suggested_label"], suspect["score"])
"""

from __future__ import annotations

import secrets
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2

from core.errors import Problem, shown
from core.ids import new_id
from labelaudit.bookmarks import Bookmark
from labelaudit.sending import Sending, Watch
from labelaudit.sources import source_of

Json = dict[str, Any]
UNENDED = ("received", "ingesting", "queued", "running", "paused")
AGAIN_S = (0.5, 2.0, 5.0, 15.0)  # pauses before what got no answer is asked again
SILENT_S = 300.0  # for which a service that has answered may be away while something is waited for
MOST_REVIEWS = 1000  # that the service takes at once
MOST_RANKS = 200
SMALL = 8 << 20  # bytes that are not worth going on with
TYPES = {"uint8": ("B", 1), "uint16": ("H", 2), "uint32": ("I", 4)}  # of the columns of a map


class Client:
    """A connection to one service."""

    def __init__(self, url: str, key: str | None = None, timeout_s: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def upload(
        self,
        path: Path,
        name: str | None = None,
        layout: str | None = None,
        watch: Watch | None = None,
        going_on: Watch | None = None,  # is told where an earlier upload stopped
        home: Path | None = None,  # where to remember how far it is, so that a later call goes on
    ) -> Json:
        """Send an archive, or a folder, of labeled images. It goes on after lost connections, where it stopped."""
        source = source_of(path)
        asked = {"name": name or path.resolve().stem} | ({"layout": layout} if layout else {})
        if source.size <= SMALL:
            content = b"".join(source.chunks(0, source.size))
            sent = self._json("POST", "/v1/datasets", params=asked, content=content)
            if watch is not None:
                watch(source.size, source.size)
            return sent
        bookmark = Bookmark.of(home, str(self._http.base_url), source) if home is not None else None
        sending = Sending(self._http, source, self._check, watch, going_on, bookmark)
        upload = sending.send()
        response = sending.patiently(lambda: self._http.post("/v1/datasets", json={"upload_id": upload, **asked}))
        sending.forget()
        try:
            self._check(response)
            dataset: Json = response.json()
        except Problem as problem:
            if problem.code != "upload-used":
                sending.discard(upload)
                raise
            dataset = self.dataset(response.json()["dataset_id"])  # the answer to an earlier call was lost
        if dataset["sha256"] != sending.sha256():
            self._check(self._http.delete(f"/v1/datasets/{dataset['id']}", params={"force": True}))
            raise Problem("source-changed", f"{shown(path.name)} was changed while it was sent; send it again.")
        return dataset

    def import_dataset(self, source: str, name: str | None = None, layout: str | None = None) -> Json:
        """Have the service itself fetch a folder, a bucket's prefix or an https:// address that its owner allowed."""
        wanted = {"source": source, "name": name, "layout": layout}
        return self._json("POST", "/v1/datasets", json={key: value for key, value in wanted.items() if value})

    def dataset(self, id: str) -> Json:
        """A dataset and how far it is."""
        return self._json("GET", f"/v1/datasets/{id}")

    def start_audit(self, dataset_id: str, **spec: Any) -> Json:
        """Start an audit; everything beside the dataset may be left to `auto`."""
        return self._once("/v1/audits", {"dataset_id": dataset_id, **spec})

    def audit(self, id: str) -> Json:
        """An audit and how far it is."""
        return self._json("GET", f"/v1/audits/{id}")

    def cancel(self, id: str) -> Json:
        """Ask an audit to end."""
        return self._json("POST", f"/v1/audits/{id}/cancel")

    def pause(self, id: str) -> Json:
        """Ask an audit to wait; a running one saves its work first."""
        return self._json("POST", f"/v1/audits/{id}/pause")

    def resume(self, id: str) -> Json:
        """Let a paused audit go on where it was."""
        return self._json("POST", f"/v1/audits/{id}/resume")

    def rerun(self, id: str) -> Json:
        """Do an audit again, by the plan that it had."""
        return self._once(f"/v1/audits/{id}/rerun")

    def diff(self, id: str, other: str) -> Json:
        """How the rankings of two audits of the same data differ."""
        return self._json("GET", f"/v1/audits/{id}/diff/{other}")

    def summary(self, audit_id: str) -> Json:
        """How many, how sure, where."""
        return self._json("GET", f"/v1/audits/{audit_id}/summary")

    def suspects(self, audit_id: str, limit: int | None = None, **wanted: Any) -> Iterator[Json]:
        """The ranked samples, best suspect first, read page by page."""
        after, left = 0, limit
        while left is None or left > 0:
            page_size = 1000 if left is None else min(1000, left)
            params = {"after": after, "limit": page_size, **wanted}
            page = self._json("GET", f"/v1/audits/{audit_id}/suspects", params=params)
            yield from page["data"]
            if page["next"] is None:
                return
            after = page["next"]
            left = None if left is None else left - len(page["data"])

    def queue(self, audit_id: str, **wanted: Any) -> list[int]:
        """The ranks that such filters as those of `suspects` leave, by `order`: rank, random or sharpened."""
        ranks = array("I", self._answer("GET", f"/v1/audits/{audit_id}/queue", params=wanted).content)
        if sys.byteorder == "big":
            ranks.byteswap()
        return ranks.tolist()

    def suspects_at(self, audit_id: str, ranks: Sequence[int], as_of: int | None = None) -> Iterator[Json]:
        """The samples of these ranks, in their order; with their `sharpened` scores as of a review's number."""
        for start in range(0, len(ranks), MOST_RANKS):
            asked = {"ranks": ",".join(map(str, ranks[start : start + MOST_RANKS]))}
            params = asked if as_of is None else {**asked, "as_of": str(as_of)}
            yield from self._json("GET", f"/v1/audits/{audit_id}/suspects", params=params)["data"]

    def cuts(self, audit_id: str) -> Json:
        """What flagging more labels, or fewer, would give."""
        return self._json("GET", f"/v1/audits/{audit_id}/cuts")

    def neighbours(self, audit_id: str, sample: int) -> Json:
        """The samples that are most like one sample, and its copies."""
        return self._json("GET", f"/v1/audits/{audit_id}/samples/{sample}/neighbours")

    def cohorts(self, audit_id: str) -> Json:
        """How clean, hard and planted wrong labels were learned: quantiles of their curves in each epoch."""
        return self._json("GET", f"/v1/audits/{audit_id}/cohorts")

    def map(self, audit_id: str) -> Iterator[Json]:
        """The points of the map in rank order, each with its sample, its given label, its verdict, x and y."""
        about = self._json("GET", f"/v1/audits/{audit_id}/map")
        response = self._http.get(about["href"])
        self._check(response)
        columns = {}
        for column in about["columns"]:
            letter, size = TYPES[column["type"]]
            values = array(letter, response.content[column["offset"] :][: about["points"] * size])
            if sys.byteorder == "big":
                values.byteswap()
            columns[column["name"]] = values
        for point in zip(*columns.values(), strict=True):
            told = dict(zip(columns, point, strict=True))
            yield told | {"given": about["labels"][told["given"]], "verdict": about["verdicts"][told["verdict"]]}

    def review(self, audit_id: str, reviews: Sequence[Json], reviewer: str = "local") -> list[Json]:
        """Write decisions down, each as `{"sample", "decision"}`, with the `label` of a `relabel`, or as
        `{"sample", "undoes"}`; those without an `id` get one. What was written."""
        said = [{"id": new_id(), **one} for one in reviews]
        written: list[Json] = []
        for start in range(0, len(said), MOST_REVIEWS):
            body = {"reviewer": reviewer, "reviews": said[start : start + MOST_REVIEWS]}
            written += self._sent(f"/v1/audits/{audit_id}/reviews", json=body)["data"]
        return written

    def review_many(
        self,
        audit_id: str,
        action: str,
        top: int,
        count: int | None = None,
        reviewer: str = "local",
        **choices: Any,
    ) -> Json:
        """One decision (`keep`, `accept`, `exclude`, `unsure`) on the first `top` suspects of these choices that nobody
        has judged yet. Without their `count` nothing is decided: it is told, with how many of it should be wrong."""
        body = {"id": new_id(), "action": action, "top": top, "count": count, "reviewer": reviewer, "choices": choices}
        dry = {"dry_run": "true"} if count is None else {}
        try:
            return self._sent(f"/v1/audits/{audit_id}/reviews/bulk", json=body, params=dry)
        except Problem as problem:
            if problem.code != "already-done":  # by ourselves: the answer was lost
                raise
        return {"id": body["id"], "count": count, "expected_wrong": None, "done": True}

    def take_back_many(self, audit_id: str, bulk_id: str, reviewer: str = "local") -> int:
        """Take back what `review_many` decided, by its `id`; how many decisions those were."""
        path = f"/v1/audits/{audit_id}/reviews/bulk/{bulk_id}/undo"
        return int(self._sent(path, params={"reviewer": reviewer})["count"])

    def reviews(self, audit_id: str, after: int = 0) -> Iterator[Json]:
        """Everything that was said of the samples of an audit's dataset, in order, read page by page."""
        while True:
            page = self._json("GET", f"/v1/audits/{audit_id}/reviews", params={"after": after, "limit": 1000})
            yield from page["data"]
            if page["next"] is None:
                return
            after = page["next"]

    def review_summary(self, audit_id: str) -> Json:
        """Where the review of an audit stands."""
        return self._json("GET", f"/v1/audits/{audit_id}/reviews/summary")

    def reviewers(self, audit_id: str) -> Json:
        """Who judged how many samples of an audit's dataset, and how far those agree who judged the same ones."""
        return self._json("GET", f"/v1/audits/{audit_id}/reviewers")

    def export(
        self, audit_id: str, format: str, splits: Sequence[str] | None = None, change_held_out: int | None = None
    ) -> Json:
        """Have an audit written as a file, with the decisions as they are now. Labels of val and test stay as they are
        unless `change_held_out` is the number of their samples that would be changed."""
        asked = {"splits": splits and list(splits), "change_held_out": change_held_out}
        rest = {name: value for name, value in asked.items() if value is not None}
        return self._once("/v1/exports", {"audit_id": audit_id, "format": format, **rest})

    def export_status(self, id: str) -> Json:
        """An export and how far it is."""
        return self._json("GET", f"/v1/exports/{id}")

    def wait_for_export(self, id: str, watch: Callable[[Json], None] | None = None, timeout_s: float = 86400) -> Json:
        """The export once its file is there; a problem when it ended otherwise."""
        return self._wait(lambda: self.export_status(id), "succeeded", watch, timeout_s)

    def remove_export(self, id: str) -> None:
        """Remove an export and its file; one that is still at work is cancelled."""
        self._answer("DELETE", f"/v1/exports/{id}", params={"force": True})

    def new_version(
        self,
        dataset_id: str,
        name: str | None = None,
        change_held_out: int | None = None,
        audit_id: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Json:
        """A dataset with the labels as people decided; a dry run only tells what would be in it."""
        asked = {"name": name, "change_held_out": change_held_out, "audit_id": audit_id}
        body = {key: value for key, value in asked.items() if value is not None}
        path = f"/v1/datasets/{dataset_id}/versions"
        return self._json("POST", f"{path}?dry_run=true", json=body) if dry_run else self._once(path, body)

    def versions(self, dataset_id: str) -> Iterator[Json]:
        """All versions of a dataset, the oldest first, read page by page."""
        yield from self._pages(f"/v1/datasets/{dataset_id}/versions")

    def version_diff(self, dataset_id: str, other_id: str, *, whole: bool = True) -> Json:
        """How another version of a dataset differs from it, with all samples that do, or only the first of them."""
        path = f"/v1/datasets/{dataset_id}/diff/{other_id}"
        if not whole:
            return self._json("GET", path, params={"limit": 1})
        found = page = self._json("GET", path, params={"limit": 1000})
        while page["next"] is not None:
            page = self._json("GET", path, params={"limit": 1000, "after": page["next"]})
            found["data"] += page["data"]
        return {**found, "next": None}

    def wait_for_dataset(self, id: str, watch: Callable[[Json], None] | None = None, timeout_s: float = 3600) -> Json:
        """The dataset once it was read; a problem when it cannot be used."""
        return self._wait(lambda: self.dataset(id), "ready", watch, timeout_s)

    def wait_for_audit(self, id: str, watch: Callable[[Json], None] | None = None, timeout_s: float = 86400) -> Json:
        """The audit once it is done; a problem when it ended otherwise."""
        return self._wait(lambda: self.audit(id), "succeeded", watch, timeout_s)

    def download(self, path: str, to: Path) -> Path:
        """A file of an audit, for example `/v1/audits/<id>/scores.csv`."""
        with self._http.stream("GET", path) as response:
            if response.is_error:
                response.read()
            self._check(response)
            with to.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        return to

    def _pages(self, path: str) -> Iterator[Json]:
        """Everything in a list."""
        params: dict[str, Any] = {"limit": 1000}
        while True:
            page = self._json("GET", path, params=params)
            yield from page["data"]
            if page["next"] is None:
                return
            params["after"] = page["next"]

    def _wait(
        self, look: Callable[[], Json], wanted: str, watch: Callable[[Json], None] | None, timeout_s: float
    ) -> Json:
        deadline, pause = time.monotonic() + timeout_s, 0.1
        heard: float | None = None
        while True:
            try:
                found = look()
            except Problem as why:
                away = why.code == "unreachable" or why.retryable
                if not away or heard is None or time.monotonic() - heard > SILENT_S:
                    raise
                time.sleep(1.0)  # it is restarted, or has too much to do: what we wait for goes on meanwhile
                continue
            heard = time.monotonic()
            if watch is not None:
                watch(found)
            if found["status"] == wanted:
                return found
            if found["status"] not in UNENDED:
                problem = found["problem"] or {"code": found["status"], "detail": f"It ended as {found['status']}."}
                raise Problem(problem["code"], problem["detail"], ours=found["status"] == "failed")
            if time.monotonic() > deadline:
                raise Problem("timeout", f"It is still {found['status']} after {timeout_s:.0f} s.", retryable=True)
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)

    def _once(self, path: str, body: Json | None = None) -> Json:
        """A POST that is done once, though it may have to be sent again: an answer can get lost on its way."""
        request: dict[str, Any] = {"headers": {"Idempotency-Key": secrets.token_hex(16)}}
        if body is not None:
            request["json"] = body
        return self._sent(path, **request)

    def _sent(self, path: str, **request: Any) -> Json:
        """A POST that may be sent again until there is an answer: it carries what makes it count once."""
        for pause in AGAIN_S:
            try:
                return self._json("POST", path, **request)
            except Problem as problem:
                if problem.code != "unreachable":
                    raise
            time.sleep(pause)
        return self._json("POST", path, **request)

    def _json(self, method: str, path: str, **request: Any) -> Json:
        found: Json = self._answer(method, path, **request).json()
        return found

    def _answer(self, method: str, path: str, **request: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx2.TransportError as error:
            raise Problem(
                "unreachable", f"The service at {self._http.base_url} does not answer. Is it running?", ours=True
            ) from error
        self._check(response)
        return response

    def _check(self, response: httpx2.Response) -> None:
        if not response.is_error:
            return
        try:
            problem = response.json()
            ours = response.status_code >= 500
            raise Problem(problem["code"], problem["detail"], retryable=problem["retryable"], ours=ours)
        except (ValueError, KeyError, TypeError):
            detail = f"The service answered with status {response.status_code}."
            raise Problem("unexpected-answer", detail, ours=True) from None
