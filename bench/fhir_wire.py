"""A client of FHIR: connections to an HTTP door, one request in flight on each; how long answers took.

Arguments: port, path prefix, connections, seconds, token, what: the number of the first patient of Encounters to
create, or a file with ids of patients whose Encounters are searched. Prints {"count": …, "seconds": …,
"p50": …, "p99": …, "refused": …}, times in milliseconds. It runs as a process of its own, beside whoever answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

import uvloop

ANSWERED = {"create": (b"HTTP/1.1 201",), "search": (b"HTTP/1.1 200",)}


def encounter(number: int) -> bytes:
    """An admission with its Patient in it."""
    told = {
        "resourceType": "Encounter", "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "identifier": [{"value": f"VB{number}"}], "meta": {"lastUpdated": "2026-03-10T13:05:00Z"},
        "contained": [{
            "resourceType": "Patient", "id": "p", "birthDate": f"19{40 + number % 60}-0{1 + number % 9}-14",
            "identifier": [{"system": "urn:oid:2.999.1", "value": f"MB{number}"}],
            "name": [{"family": f"Family{number}", "given": [f"Given{number % 997}"]}],
        }],
        "subject": {"reference": "#p"}, "serviceProvider": {"display": "GOODHEALTH"},
        "period": {"start": "2026-03-10T09:00:00-04:00"}, "location": [{"location": {"display": "3W"}}],
    }  # fmt: skip
    return json.dumps(told).encode()


def requests(prefix: str, token: str, what: str) -> tuple[str, Iterator[bytes]]:
    """(What it is, the requests): creates from a number on, or searches of a file's patients in turn."""
    head = f"host: bench\r\nauthorization: Bearer {token}\r\n"
    if what.isdigit():
        return "create", (_post(prefix, head, encounter(number)) for number in count(int(what)))
    ids = Path(what).read_text(encoding="utf-8").split()
    return "search", cycle([f"GET {prefix}/Encounter?patient={one} HTTP/1.1\r\n{head}\r\n".encode() for one in ids])


def _post(prefix: str, head: str, body: bytes) -> bytes:
    more = f"content-type: application/fhir+json\r\ncontent-length: {len(body)}\r\n\r\n"
    return f"POST {prefix}/Encounter HTTP/1.1\r\n{head}{more}".encode() + body


async def _line(port: int, kind: str, every: Iterator[bytes], end: float) -> tuple[list[float], int]:
    """One connection until the time is over: seconds of each request, and how many were refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    refused = 0
    while (sent := time.perf_counter()) < end:
        writer.write(next(every))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        body = await reader.readexactly(length)
        took.append(time.perf_counter() - sent)
        good = head.startswith(tuple(one.lower() for one in ANSWERED[kind]))
        refused += not good or (kind == "search" and b'"match"' not in body)
    writer.close()
    return took, refused


async def _main(arguments: list[str]) -> None:
    port, prefix, connections, seconds, token, what = arguments
    kind, every = requests(prefix, token, what)
    begin = time.perf_counter()
    end = begin + float(seconds)
    lines = await asyncio.gather(*(_line(int(port), kind, every, end) for _ in range(int(connections))))
    took = sorted(one for each, _ in lines for one in each)
    told = {"count": len(took), "seconds": time.perf_counter() - begin, "refused": sum(number for _, number in lines)}
    told |= {f"p{part}": 1000 * took[min(len(took) * part // 100, len(took) - 1)] for part in (50, 99)}
    print(json.dumps(told))


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1:]))
