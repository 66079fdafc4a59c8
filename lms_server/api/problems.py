"""Errors as problem JSON (RFC 9457). The one place where an error meets its HTTP status."""

from __future__ import annotations

import sqlite3
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lms_server import errors
from lms_server.store import StoreUnavailable

MEDIA_TYPE = "application/problem+json"
STATUS: dict[type[errors.ServerError], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.WrongVersion: 412,
    errors.ChangedMeanwhile: 412,
    errors.TooLarge: 413,
    errors.WrongMediaType: 415,
    errors.Busy: 423,
    errors.TooManyAttempts: 429,
    errors.ChecksumMismatch: 460,
    errors.Unavailable: 503,
    errors.StoreFull: 507,
}
DISK_FULL = "53100"
"""PostgreSQL's SQLSTATE."""
TITLES = {460: "Checksum Mismatch"}
_CODES = {404: "no-such-page", 405: "wrong-method", 413: "too-large"}
log = structlog.get_logger(__name__)


def problem(
    status: int, code: str, detail: str, facts: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """The facts stand beside the fixed members; a client that knows only RFC 9457 passes over them."""
    title = TITLES.get(status) or HTTPStatus(status).phrase
    body = {
        **(facts or {}),
        "type": f"urn:darsbox:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.add_exception_handler(errors.ServerError, _server_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(OperationalError, _database_error)
    app.add_exception_handler(IntegrityError, _database_error)
    app.add_exception_handler(DataError, _data_error)
    app.add_exception_handler(StoreUnavailable, _store_error)
    app.add_exception_handler(Exception, _fault)


def answer(error: errors.ServerError | OperationalError) -> Response:
    """For what stands in front of the application and its handlers."""
    if isinstance(error, errors.ServerError):
        return problem(STATUS[type(error)], error.code, error.detail, dict(error.facts), error.headers)
    return database_problem(error)


def _server_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.ServerError)  # noqa: S101  starlette calls it with nothing else
    return answer(error)


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  starlette calls it with nothing else
    code = _CODES.get(error.status_code, "refused")
    return problem(error.status_code, code, f"{error.detail}.", None, dict(error.headers or {}))


def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  starlette calls it with nothing else
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "The body"
    return problem(422, "bad-request", f"{where}: {first['msg']}.", {"field": where})


def _database_error(_: Request, error: Exception) -> Response:
    return database_problem(error)


def database_problem(error: Exception) -> Response:
    """A full disk, a locked database, and two who make the same thing at the same time, are states, not faults."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or getattr(cause, "sqlstate", "") == DISK_FULL:
        log.error("database cannot be written", problem=str(cause))
        return problem(507, "server-full", "The server's disk is full or failing; free some room on it.")
    log.error("database busy", problem=str(cause))
    return problem(503, "server-busy", "The server is busy; try again.", None, {"Retry-After": "2"})


def _data_error(_: Request, error: Exception) -> Response:
    """PostgreSQL has no text with a NUL in it; SQLite looks for such a name and finds nothing."""
    log.warning("not in the database's words", problem=str(error))
    return problem(400, "bad-request", "Something in the request is nothing that the server could have; mend it.")


def _store_error(_: Request, error: Exception) -> Response:
    log.error("store unavailable", problem=str(error))
    detail = "The store of lessons does not answer just now; try again."
    return problem(503, "store-unavailable", detail, None, {"Retry-After": "5"})


def _fault(request: Request, error: Exception) -> Response:
    log.error("fault", method=request.method, path=request.url.path, exc_info=error)
    return problem(500, "server-fault", "The server made a mistake; its log says more.")
