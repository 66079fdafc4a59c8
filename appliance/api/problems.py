"""Every refusal as RFC 9457 problem JSON, from the one error tree."""

from __future__ import annotations

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from appliance.errors import BadRequest, NotFound, RoomError
from appliance.sentences import sentence

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class NotAllowed(RoomError):
    code, status, title = "method-not-allowed", 405, "That cannot be done here"


class Refused(RoomError):
    """Whatever else the framework refuses."""

    code, status, title = "refused", 400, "The request cannot be answered"


def answer(error: RoomError, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(error.problem(), error.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make the application answer every error in this form."""

    @app.exception_handler(RoomError)
    async def _room(_: Request, error: RoomError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(BadRequest(_sentence(error)))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        path = request.url.path
        if error.status_code == NotFound.status:
            return answer(NotFound(f"There is nothing at {path}; the API is described at /openapi.json."), headers)
        if error.status_code == NotAllowed.status:
            allowed = (headers or {}).get("allow") or (headers or {}).get("Allow") or "another method"
            return answer(NotAllowed(f"{path} takes {allowed}, not {request.method}."), headers)
        problem = Refused(f"{error.detail}.")
        problem.status = error.status_code
        return answer(problem, headers)

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, error: Exception) -> JSONResponse:
        # The server logs the traceback; nobody outside needs it. A recording does not notice.
        return answer(RoomError("Something went wrong inside; the log of the room says what. A recording goes on."))


def _sentence(error: RequestValidationError) -> str:
    item = error.errors()[0]
    if item["type"] == "json_invalid":
        return 'The body is not JSON; send something like {"title": "Analyse II"}.'
    place = [part for part in item["loc"] if part != "body"]
    if not place:
        return 'The body must be a JSON object such as {"title": "Analyse II"}.'
    said = sentence(item, place, ("title", "label"))
    return f"The request cannot be understood: {said}."
