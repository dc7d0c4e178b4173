"""What a service writes is JSON, a line each, whoever writes it, and never what a library choked on."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiokafka.errors import OffsetOutOfRangeError
from faststream._internal.logger.logging import get_broker_logger, get_logger

from shared import logs
from shared.errors import Transient

VALUE = "DOE^JANE"


Written = Callable[[Callable[[], None]], list[dict[str, Any]]]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """The lines that something writes; logging is as before afterwards."""
    gc.collect()  # what other tests left unclosed is told now, and not by a line here
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    known = {one: (one.handlers[:], one.filters[:], one.propagate, one.level) for one in _loggers()}

    def lines(write: Callable[[], None]) -> list[dict[str, Any]]:
        logs.set_up("intake")
        write()
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield lines
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers[:] = before
    root.setLevel("WARNING")
    logging.captureWarnings(False)
    for one in _loggers():
        one.handlers[:], one.filters[:], one.propagate, level = known.get(one, ([], [], True, logging.NOTSET))
        one.setLevel(level)


def _loggers() -> list[logging.Logger]:
    return [one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)]


def _raised(fault: Exception) -> Exception:
    try:
        raise fault
    except Exception as caught:  # noqa: BLE001 - it is what the test is about
        return caught


def _faststream() -> None:
    fault = _raised(OffsetOutOfRangeError({VALUE: 1}))
    extra = {"topic": VALUE, "message_id": VALUE}
    logging.getLogger("faststream").error("Kafka error occurred", exc_info=fault, extra=extra)


def _in_the_template() -> None:
    fault = _raised(ValueError(VALUE))
    logging.getLogger("faststream").error(f"ValueError: {fault}", exc_info=fault)  # noqa: G004


def _its_own_logger() -> None:
    """As FastStream makes one: with a handler of its own, in colours."""
    get_logger("faststream.access.test", logging.INFO, sys.stdout, "%(message)s")
    logs.take_over()
    logging.getLogger("faststream.access.test").error("\x1b[31mred\x1b[0m")


def _a_task() -> None:
    asyncio.run(_told())


async def _told() -> None:
    given = {"message": "Task exception was never retrieved", "exception": _raised(ValueError(VALUE)), "it": VALUE}
    asyncio.get_running_loop().default_exception_handler(given)


@pytest.mark.parametrize(
    ("write", "logger", "event", "fault"),
    [
        (_faststream, "faststream", "Kafka error occurred", "OffsetOutOfRangeError"),
        (_in_the_template, "faststream", "ValueError: …", "ValueError"),
        (_its_own_logger, "faststream.access.test", "[31mred[0m", None),
        (_a_task, "asyncio", "Task exception was never retrieved", "ValueError"),
        (lambda: warnings.warn(VALUE, stacklevel=1), "py.warnings", "test_logs.py:{}: UserWarning", None),
        (lambda: logging.getLogger("anything").error("went on with %s", VALUE), "anything", "went on with %s", None),
    ],
    ids=["FastStream", "text of an exception", "a logger with a handler", "asyncio", "a warning", "a library"],
)
@pytest.mark.filterwarnings("default")
def test_a_library_writes_a_json_line_without_what_it_was_given(
    written: Written, write: Callable[[], None], logger: str, event: str, fault: str | None
) -> None:
    (line,) = written(write)
    event = event.format(write.__code__.co_firstlineno)
    assert (line["service"], line["logger"], line["event"]) == ("intake", logger, event)
    assert line.get("fault", {}).get("kind") == fault
    assert VALUE not in json.dumps(line)


def test_our_own_lines_say_what_they_are_about(written: Written) -> None:
    fault = _raised(Transient("the database can't be reached"))
    log = logging.getLogger("services.intake")
    (line,) = written(lambda: log.warning("waits", extra={"consumer": "c"}, exc_info=fault))
    assert (line["event"], line["consumer"], line["fault"]["text"]) == ("waits", "c", "the database can't be reached")


def test_a_logger_that_a_library_makes_for_a_broker_writes_nothing_twice(written: Written) -> None:
    def write() -> None:
        context: Any = type("Context", (), {"get_local": lambda *_: {}})()
        get_broker_logger("kafka", {"topic": ""}, 10, "%(topic)s %(message)s", context, logging.INFO)
        logs.take_over()
        logging.getLogger("faststream.access.kafka").error("it failed")

    assert [line["event"] for line in written(write)] == ["it failed"]


FAILS = """
import logging
import threading
from shared import logs

logs.set_up("intake")


class Gone:
    def __del__(self):
        raise ValueError("DOE^JANE")


def fail():
    raise KeyError("DOE^JANE")


thread = threading.Thread(target=fail)
thread.start()
thread.join()
Gone()
logging.getLogger("shared").warning("%d were lost", "DOE^JANE")
raise RuntimeError("DOE^JANE\\nDOE^JANE")
"""


def test_an_error_that_nobody_caught_is_a_line_like_any_other() -> None:
    done = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["logger"], one.get("fault", one)["kind"]) for one in told] == [
        ("shared.logs", "KeyError"), ("shared.logs", "ValueError"),
        ("shared", "TypeError"), ("shared.logs", "RuntimeError"),
    ]  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert VALUE not in done.stdout
