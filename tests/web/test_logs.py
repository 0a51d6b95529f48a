"""The log says what broke and names nobody."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import pytest
import structlog
from sqlalchemy import Engine, insert
from sqlalchemy.exc import DBAPIError

from web import logs
from web.people import tables

PLANTED = "planted_name_of_nobody"


def a_refused_row(engine: Engine) -> DBAPIError:
    """Return what the database says of a row that breaks its rules."""
    row = insert(tables.accounts).values(account_id="a" * 32, handle=PLANTED, created_at=None)
    with engine.begin() as conn, pytest.raises(DBAPIError) as refused:
        conn.execute(row)
    return refused.value


def test_a_row_the_database_refused_is_not_repeated(engine: Engine) -> None:
    error = a_refused_row(engine)

    told = logs.traceback_of(error)

    assert PLANTED not in told
    assert type(error).__name__ in told
    assert "a_refused_row" in told  # where it broke is still said


def test_records_of_libraries_are_as_discreet(engine: Engine) -> None:
    error = a_refused_row(engine)
    raised = (type(error), error, error.__traceback__)
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "Broke", None, raised)

    told = logs.Discreet("%(message)s").format(record)

    assert told.startswith("Broke\nTraceback")
    assert PLANTED not in told


def test_our_own_events_are_as_discreet() -> None:
    try:
        raise ExceptionGroup("two\nlines", [ValueError(f"one\n{PLANTED}")])
    except ExceptionGroup:
        event = logs.tell_exception(None, "exception", {"exc_info": True})
        as_triple = logs.tell_exception(None, "exception", {"exc_info": sys.exc_info()})

    assert "ValueError: one" in event["exception"]
    assert PLANTED not in event["exception"]
    assert as_triple == event


def test_a_log_on_a_full_disk_stops_nobody() -> None:
    with open("/dev/full", "w", buffering=1) as full:
        log = structlog.PrintLogger(cast(TextIO, logs.Unbreakable(full)))

        log.msg("the disk is full")

        with contextlib.suppress(OSError):
            full.close()


def test_an_event_without_an_exception_stays_as_it_is() -> None:
    assert logs.tell_exception(None, "info", {"event": "calm"}) == {"event": "calm"}
