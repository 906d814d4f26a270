"""`Idempotency-Key`: a request that was sent twice is done once, and answered twice the same."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from core.errors import Problem
from core.store import once
from core.store.once import Answer

KEY = re.compile(r"[!-~]{1,255}")


class Once:
    """The key of one request, if it has one. Used in the transaction in which the request is done."""

    def __init__(self, key: str | None, route: str) -> None:
        self._key, self._route = key, route

    def known(self, session: Session, said: BaseModel) -> Response | None:
        """The answer that was given before to the same request."""
        request = self._request(said)
        return None if request is None else _again(once.known(session, request))

    def begun(self, session: Session, said: BaseModel) -> Response | None:
        """The same; where there is none, the request is done in this transaction, which ends with `done`."""
        request = self._request(said)
        return None if request is None else _again(once.answered(session, request))

    def done(self, session: Session, said: BaseModel, answer: BaseModel, location: str) -> Response:
        """The answer, 202, to what was done now."""
        kept, request = Answer(202, answer.model_dump_json(), location), self._request(said)
        if request is not None:
            once.keep(session, request, kept)
        return _response(kept, {})

    def _request(self, said: BaseModel) -> once.Request | None:
        content = hashlib.sha256(said.model_dump_json().encode()).hexdigest()
        return None if self._key is None else once.Request(self._key, self._route, content)


def _again(found: Answer | None) -> Response | None:
    return None if found is None else _response(found, {"Idempotency-Replayed": "true"})


def _response(answer: Answer, headers: dict[str, str]) -> Response:
    if answer.location is not None:
        headers["Location"] = answer.location
    return Response(answer.body, answer.status, headers, "application/json")


async def _once(request: Request, idempotency_key: Annotated[str | None, Header()] = None) -> Once:
    if idempotency_key is not None and not KEY.fullmatch(idempotency_key):
        raise Problem("invalid-request", "An Idempotency-Key has 1 to 255 printable characters of ASCII.")
    return Once(idempotency_key, f"{request.method} {request.url.path}")


OnceDep = Annotated[Once, Depends(_once)]
