"""`hl7.mllp`'s server that parses each message and acknowledges it; nothing is stored. Argument: port."""

from __future__ import annotations

import asyncio
import sys

from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server


async def answer(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
    try:
        while True:
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    async with await start_hl7_server(answer, "127.0.0.1", int(sys.argv[1]), encoding="utf-8") as server:
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
