"""``/updates``: the folder from which rooms fetch new versions, as whoever makes them has signed it. For everybody: it
holds no secret, and rooms believe the signatures, not the server."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Updates(StaticFiles):
    """The folder may come later."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)

    async def check_config(self) -> None:
        """A server without updates is none that is set up wrongly."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        # What a proxy holds back would be refused as out of date; wheels are named by their hashes and never change.
        steady = "/wheels/" in str(full_path)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if steady else "no-cache"
        return response
