"""Bodies of batch jobs as they arrive: as long as they like, as long as they go on."""

import asyncio
from collections.abc import AsyncGenerator
from enum import StrEnum

from aiohttp import web

from scoreline.errors import MalformedRequest
from scoreline.http.errors import BodyTooSlow, UnsupportedMediaType
from scoreline.http.exchange import JSON
from scoreline.http.limits import greet
from scoreline.http.media_types import check_media_type
from scoreline.http.wire.inflating import Body, open_body

NDJSON = "application/x-ndjson"

SILENCE_SECONDS = 30.0
"""A body of which nothing has arrived for so long is given up."""

LEAST_BYTES_PER_SECOND = 256
"""Of a body, over the time that it is waited for: while Kafka takes nothing, nobody waits for the caller."""


class BodyKind(StrEnum):
    """What the body of a job may be."""

    JSON = JSON
    NDJSON = NDJSON


def check_kind(request: web.BaseRequest) -> BodyKind:
    """What a body says of itself.

    Raises:
        UnsupportedMediaType: it is something else, or in an encoding that is not undone here.
    """
    kind = BodyKind.NDJSON if request.content_type == NDJSON else BodyKind.JSON
    if request.content_type not in tuple(BodyKind):
        raise UnsupportedMediaType(f"expected a body of the type {' or '.join(BodyKind)}")
    check_media_type(request, kind)
    return kind


async def read_pieces(request: web.BaseRequest, *, silence_seconds: float) -> AsyncGenerator[bytes, None]:
    """The body, decompressed, piece by piece; nothing more of it is read from the socket than is asked for.

    Waiting uses up the time that a silence may take, and `LEAST_BYTES_PER_SECOND` give it back, but never more of it:
    a byte now and then does not keep a place.

    Raises:
        BodyTooSlow: nothing has arrived for too long, or too little.
        MalformedRequest: it breaks off, or is not in the encoding that it is said to be in.
    """
    await greet(request)
    body = open_body(request)
    clock = asyncio.get_running_loop().time
    left_seconds = silence_seconds
    try:
        while True:
            began = clock()
            piece = await _read_piece(body, left_seconds)
            if not piece:
                return
            left_seconds -= clock() - began
            left_seconds = min(silence_seconds, left_seconds + len(piece) / LEAST_BYTES_PER_SECOND)
            yield piece
    except web.RequestPayloadError as error:
        raise MalformedRequest("the body breaks off, or is not in the encoding that it is said to be in") from error


async def _read_piece(body: Body, left_seconds: float) -> bytes:
    try:
        async with asyncio.timeout(left_seconds):
            return await body.readany()
    except TimeoutError as error:
        raise BodyTooSlow(
            f"of the body nothing came any more, or for long less than {LEAST_BYTES_PER_SECOND} bytes a second"
        ) from error
