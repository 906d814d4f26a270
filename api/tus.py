"""Uploads that go on where they stopped: tus 1.0.0 (https://tus.io/protocols/resumable-upload).

An upload is created with its length, written to with PATCH at the offset that HEAD tells, and made a dataset of when
it is whole. Clients for it exist in most languages.
"""

from __future__ import annotations

import asyncio
import re
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from api import turns
from api.deps import Parts, PartsDep, SettingsDep
from api.intake import refuse_if_full
from api.strict import StrictRoute, declared_length, media_type
from api.turns import ALGORITHMS, Checksum
from api.uploads import check_size, discard
from core.errors import Problem
from core.ids import is_id
from core.store import uploads
from core.store.tables import Upload

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "checksum", "expiration", "termination")
OFFSET_STREAM = "application/offset+octet-stream"
PAIR = re.compile(r"[!-+\--~]+( [A-Za-z0-9+/]*={0,2})?")


class TusRoute(StrictRoute):
    """A route whose every answer, problems too, says which version of the protocol it is in."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Tus-Resumable"] = VERSION
            await send(message)

        await super().handle(scope, receive, marked)


router = APIRouter(prefix="/v1/uploads", route_class=TusRoute, tags=["uploads"])


async def _same_version(
    tus_resumable: Annotated[str | None, Header(alias="Tus-Resumable", json_schema_extra={"enum": [VERSION]})] = None,
) -> None:
    if tus_resumable != VERSION:
        raise Problem("tus-version", f"Say that you speak tus as it is spoken here: `Tus-Resumable: {VERSION}`.")


async def _id(upload_id: Annotated[str, Path()]) -> str:
    if not is_id(upload_id):
        raise Problem("not-found", "There is no such upload.")
    return upload_id


async def _notes(upload_metadata: Annotated[str | None, Header(alias="Upload-Metadata")] = None) -> str | None:
    """Keys, each with a value in base64 or none, told back as they came."""
    if not upload_metadata:
        return None
    pairs = upload_metadata.split(",")
    if not all(PAIR.fullmatch(pair.strip()) for pair in pairs) or len({p.split()[0] for p in pairs}) < len(pairs):
        raise Problem("invalid-request", "Upload-Metadata is not a list of different keys with values in base64.")
    return upload_metadata


async def _checksum(
    upload_checksum: Annotated[str | None, Header(alias="Upload-Checksum", examples=["sha256 …"])] = None,
) -> Checksum | None:
    return None if upload_checksum is None else Checksum.of(upload_checksum)


Bytes = r"^[0-9]{1,18}$"
UploadId = Annotated[str, Depends(_id)]
Notes = Annotated[str | None, Depends(_notes)]
Expected = Annotated[Checksum | None, Depends(_checksum)]
Offset = Annotated[str, Header(alias="Upload-Offset", pattern=Bytes, description="Where the body's bytes begin.")]
Length = Annotated[str | None, Header(alias="Upload-Length", pattern=Bytes, description="Bytes of the whole upload.")]
Deferred = Annotated[str | None, Header(alias="Upload-Defer-Length", description="Not supported.")]
VERSIONED = [Depends(_same_version)]


def _answer(description: str, **headers: str) -> dict[int | str, dict[str, Any]]:
    told = {name.replace("_", "-"): {"schema": {"type": "string"}, "description": is_} for name, is_ in headers.items()}
    version = {"Tus-Resumable": {"schema": {"const": VERSION}, "description": "The version of the protocol."}}
    return {int(description[:3]): {"description": description[4:], "headers": version | told}}


def _body(required: bool) -> dict[str, Any]:
    content = {OFFSET_STREAM: {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": required, "content": content}}


EXPIRES = "When the upload is removed if nobody goes on with it."
ABLE = _answer(
    "204 What this service can do.",
    Tus_Version="Versions of the protocol.",
    Tus_Extension="Extensions of the protocol.",
    Tus_Max_Size="Most bytes of an upload.",
    Tus_Checksum_Algorithm="Algorithms that Upload-Checksum may name.",
)


@router.options("", name="abilities", status_code=204, response_class=Response, responses=ABLE)
@router.options("/{upload_id}", name="abilities_of_one", status_code=204, response_class=Response, responses=ABLE)
async def options(settings: SettingsDep) -> Response:
    """Say what this service can do of tus."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


CREATED = _answer(
    "201 The upload was created.",
    Location="Where it is.",
    Upload_Expires=EXPIRES,
    Upload_Offset="How many bytes count, when the request had some.",
)


@router.post(
    "",
    status_code=201,
    response_class=Response,
    dependencies=VERSIONED,
    responses=CREATED,
    openapi_extra=_body(required=False),
)
async def create(
    request: Request,
    parts: PartsDep,
    notes: Notes,
    checksum: Expected,
    upload_length: Length = None,
    upload_defer_length: Deferred = None,
) -> Response:
    """Create an upload of a known length, with its first bytes or without."""
    if upload_length is None or upload_defer_length is not None:
        raise Problem("upload-length-required", "Say how long the upload will be: `Upload-Length: …`, in bytes.")
    length, sent = int(upload_length), declared_length(request)
    check_size(length, parts.settings)
    with_bytes = media_type(request) == OFFSET_STREAM
    if not with_bytes and (sent or "transfer-encoding" in request.headers):
        raise _wrong_type()
    refuse_if_full(parts.settings, parts.blobs, length)
    upload = await asyncio.to_thread(_begin, parts, length, notes)
    headers = {"Location": f"/v1/uploads/{upload.id}"}
    if with_bytes:
        try:
            upload = await turns.write(parts, upload.id, 0, request.stream(), sent, checksum)
        except BaseException:
            await asyncio.to_thread(discard, parts.db, upload)  # nobody knows where it is
            raise
        headers["Upload-Offset"] = str(upload.size)
    return Response(status_code=201, headers=headers | _expires(upload, parts))


@router.head(
    "/{upload_id}",
    response_class=Response,
    dependencies=VERSIONED,
    responses=_answer(
        "200 How far the upload is.",
        Upload_Offset="How many bytes count: go on there.",
        Upload_Length="Bytes of the whole upload.",
        Upload_Metadata="What was said when it was created.",
        Upload_Expires=EXPIRES,
    ),
)
async def show(upload_id: UploadId, parts: PartsDep) -> Response:
    """Say where an upload goes on."""
    upload = await asyncio.to_thread(_find, parts, upload_id)
    headers = {"Upload-Offset": str(upload.size), "Upload-Length": str(upload.length), "Cache-Control": "no-store"}
    if upload.notes is not None:
        headers["Upload-Metadata"] = upload.notes
    return Response(headers=headers | _expires(upload, parts))


@router.patch(
    "/{upload_id}",
    status_code=204,
    response_class=Response,
    dependencies=VERSIONED,
    responses=_answer(
        "204 The bytes are stored.", Upload_Offset="How many bytes of the upload count now.", Upload_Expires=EXPIRES
    ),
    openapi_extra=_body(required=True),
)
async def append(
    request: Request, upload_id: UploadId, parts: PartsDep, checksum: Expected, upload_offset: Offset
) -> Response:
    """Send the bytes from an offset on. What came counts, however the request ends; with a checksum only all of it."""
    if media_type(request) != OFFSET_STREAM:
        raise _wrong_type()
    expected = declared_length(request)
    upload = await turns.write(parts, upload_id, int(upload_offset), request.stream(), expected, checksum)
    return Response(status_code=204, headers={"Upload-Offset": str(upload.size)} | _expires(upload, parts))


@router.delete(
    "/{upload_id}",
    status_code=204,
    response_class=Response,
    dependencies=VERSIONED,
    responses=_answer("204 The upload was removed."),
)
async def remove(upload_id: UploadId, parts: PartsDep) -> Response:
    """Give an upload up; its bytes are removed. One that became a dataset goes with that."""
    await asyncio.to_thread(_give_up, parts, upload_id)
    return Response(status_code=204)


def _wrong_type() -> Problem:
    return Problem("unsupported-media-type", f"Bytes of an upload are sent as `Content-Type: {OFFSET_STREAM}`.")


def _expires(upload: Upload, parts: Parts) -> dict[str, str]:
    """When it goes if nobody goes on with it; one that a dataset was made of goes with that."""
    if upload.dataset_id is not None:
        return {}
    return {"Upload-Expires": formatdate(upload.touched_at + parts.settings.upload_expiry_s, usegmt=True)}


def _begin(parts: Parts, length: int, notes: str | None) -> Upload:
    with parts.db.write() as session:
        return uploads.begin(session, length, notes)


def _find(parts: Parts, id: str) -> Upload:
    with parts.db.read() as session:
        return uploads.find(session, id, parts.settings.upload_expiry_s)


def _give_up(parts: Parts, id: str) -> None:
    with parts.db.write() as session:
        uploads.give_up(session, id, parts.settings.upload_expiry_s)
