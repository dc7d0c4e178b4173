"""HL7 messages parsed by python-hl7 and by hl7apy, nothing else done with them.

Arguments: a file with the messages, one a line with \\x1e for CR; how many each reads.
Prints {"python-hl7": per second, "hl7apy": per second}.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hl7
from hl7apy.parser import parse_message


def rate(parse: Callable[[str], object], messages: list[str]) -> float:
    began = time.perf_counter()
    for message in messages:
        parse(message)
    return len(messages) / (time.perf_counter() - began)


def main() -> None:
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")  # not splitlines: \x1e ends a line for it
    messages = [line.replace("\x1e", "\r") for line in lines][: int(sys.argv[2])]
    found = {"python-hl7": rate(hl7.parse, messages), "hl7apy": rate(parse_message, messages[: len(messages) // 4])}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
