"""JSON log lines: what happened to which ids, and an exception's text only for the project's own exceptions.

A library's exception text may contain the data that it failed on, so only its class and code locations are written.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import orjson

from shared.errors import StepdownError

log = logging.getLogger(__name__)
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """{"at", "level", "service", "logger", "event", …extra, "fault"?} on one line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """One record as one JSON line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "event": record.getMessage() if record.name.startswith(_OURS) else _short(record),
        }
        if record.name.startswith(_OURS):
            line.update({name: value for name, value in vars(record).items() if name not in _PLAIN})
        if record.exc_info and record.exc_info[1]:
            line["fault"] = told(record.exc_info[1])
        return orjson.dumps(line, default=lambda value: type(value).__name__).decode()


class _Lines(logging.StreamHandler[TextIO]):
    """Writes to a stream; of a line that can't be made it says so in a line, where Python would print the arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name is given
        """Say which logger's line was lost, and by what kind of error."""
        fault = sys.exc_info()[0]
        what = {"level": "error", "logger": record.name, "event": "a log line was lost"}
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(orjson.dumps(what | {"kind": fault.__name__ if fault else ""}).decode() + "\n")
            self.flush()


_OURS = ("shared", "services", "tools", "uvicorn")


def _short(record: logging.LogRecord) -> str:
    """A library's line as its unfilled template, so that no argument of it gets into the log.

    Cut to one line, since some put an exception's text into the template itself, or print data in further lines.
    """
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    text = record.msg
    if record.exc_info and record.exc_info[1] and (said := str(record.exc_info[1])):
        text = text.replace(said, "…")
    first = (text.strip().splitlines() or [""])[0]
    if record.name == "py.warnings":  # "path:line: Category: text"
        first = ": ".join(first.rsplit("/", 1)[-1].split(": ")[:2])
    return "".join(each for each in first if each.isprintable())[:200]


def told(fault: BaseException) -> dict[str, Any]:
    """An exception without values: its class, its text if it is one of the project's, and the code locations it
    passed."""
    frames = traceback.extract_tb(fault.__traceback__)[-6:]
    what: dict[str, Any] = {
        "kind": type(fault).__name__,
        "at": [f"{'/'.join(frame.filename.rsplit('/', 2)[-2:])}:{frame.lineno}" for frame in frames],
    }
    if isinstance(fault, StepdownError):
        what["text"] = str(fault)
    return what


def set_up(service: str, level: str = "INFO") -> None:
    """Log JSON lines to stdout for this service; libraries log warnings only, since their DEBUG would print content."""
    handler = _Lines(sys.stdout)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING")
    for name in ("shared", "services"):
        logging.getLogger(name).setLevel(level)
    for name, quiet in (("aiokafka", "CRITICAL"), ("faststream", "ERROR"), ("uvicorn.access", "CRITICAL")):
        logging.getLogger(name).setLevel(quiet)
    logging.captureWarnings(True)
    take_over()
    sys.excepthook, threading.excepthook, sys.unraisablehook = _uncaught, _uncaught_in_thread, _unraisable


def _uncaught(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Python would print an exception that nobody caught with its text, on several lines."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, fault, trace)
    else:
        log.critical("the process ends by an error that nobody caught", exc_info=(kind, fault, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        log.error("a thread ends by an error that nobody caught", exc_info=told.exc_value)


def _unraisable(told: sys.UnraisableHookArgs) -> None:
    log.error("an error where none can be raised", exc_info=told.exc_value)


def take_over() -> None:
    """Replace the handlers that libraries installed (FastStream's prints whole tracebacks) by ours.

    Call it again once all libraries are imported.
    """
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.filters.clear()
            logger.propagate = True
