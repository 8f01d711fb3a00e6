"""Calls the sidecar many times over a few connections that are kept, as fast as one process can."""

import asyncio
import json
from urllib.parse import urlsplit

CONNECTIONS = 4
END_OF_HEAD = b"\r\n\r\n"


def predict_each(url, calls):
    """The answers to `POST /predict`, in the order of the calls.

    Args:
        url: of the sidecar.
        calls: (key, body) of each; the key goes into `X-Request-Key`.
    """
    return asyncio.run(_call_all(urlsplit(url), list(calls)))


async def _call_all(address, calls):
    answers = [None] * len(calls)
    await asyncio.gather(
        *(_call_some(address, calls, range(i, len(calls), CONNECTIONS), answers) for i in range(CONNECTIONS))
    )
    return answers


async def _call_some(address, calls, numbers, answers):
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for number in numbers:
        key, body = calls[number]
        writer.write(
            b"POST /predict?ignore_unknown=true HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"X-Request-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (key, len(body), body)
        )
        head = await reader.readuntil(END_OF_HEAD)
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(int(length.split(b":")[1]))
        assert head.startswith(b"HTTP/1.1 200 "), answer
        answers[number] = json.loads(answer)
    writer.close()
