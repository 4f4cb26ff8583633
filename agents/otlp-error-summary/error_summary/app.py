"""The HTTP side of the agent: takes batches at `/process`, answers at once, and sends each result when it is there.

One batch walks `intake` (request to records) → `records`, `grouping` (records to groups) → `assessing` (`model`, or
`rules`) → `output` → the SDK.
"""

import asyncio
import hashlib
import json
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from error_summary.assessing import NO_KEY, assess
from error_summary.grouping import ErrorGroup, group_events
from error_summary.intake import Batch, check_secrets, read_batch
from error_summary.output import encode_output
from error_summary.records import read_event
from error_summary.settings import Settings
from error_summary.work import Work
from headrace_sdk import AsyncHeadrace, HeadraceError

_SEND_RETRIES = 8
"""About half a minute: nobody waits for the answer, so a receiver that restarts may take its time."""

_logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The agent as an ASGI application.

    Raises:
        ConfigurationError: of the SDK: no key for Headrace, or an endpoint or a secret that cannot work.
    """
    check_secrets(settings.signing_secrets)
    agent = SummaryAgent(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        agent.introduce()
        yield
        await agent.stop()

    app = FastAPI(title="otlp-error-summary", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_api_route("/process", agent.process, methods=["POST"], status_code=202)
    app.add_api_route("/healthz", agent.health, methods=["GET"])
    return app


class SummaryAgent:
    """One agent: its model, if there is a key for one, its connection to Headrace, and its work."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._headrace = AsyncHeadrace(settings.api_key(), max_retries=_SEND_RETRIES)
        self._work = Work(settings.max_concurrent_batches)
        self._model = None
        self._last_offline_reason: str | None = None
        if settings.openai_api_key is not None:
            from error_summary.model import Model

            self._model = Model(settings)

    def introduce(self) -> None:
        """Say in the log how this agent works."""
        if self._model is None:
            _logger.warning("mode offline: %s, so errors are classified by rules, without a model", NO_KEY)
        else:
            _logger.info("mode online: model %s", self._model.name)
        if not self._settings.signing_secrets:
            _logger.info("HEADRACE_SIGNING_SECRET is not set: requests are taken from anybody")

    async def process(self, request: Request) -> JSONResponse:
        """Take a batch: 202, or 503 and when to come again."""
        batch = await read_batch(request, self._settings)
        if not batch.records:
            return JSONResponse({"status": "nothing to do", "request_id": batch.request_id}, 202)
        taken = self._work.take(_key(batch), f"request {batch.request_id}", self._summarize(batch))
        if taken == "full":
            return JSONResponse(
                {"detail": f"{self._work.running} batches are being worked on, which is the limit"},
                503,
                {"Retry-After": str(self._seconds_until_free())},
            )
        status = "accepted" if taken == "accepted" else "already taken"
        return JSONResponse({"status": status, "request_id": batch.request_id}, 202)

    async def health(self) -> dict[str, Any]:
        """How this agent works, and how its last batch went."""
        health: dict[str, Any] = {"status": "ok", "mode": "offline", "batches_in_progress": self._work.running}
        if self._model is None:
            return {**health, "reason": NO_KEY}
        return {**health, "mode": "online", "model": self._model.name, "model_failure": self._last_offline_reason}

    async def stop(self) -> None:
        """Finish what was accepted, then close the connections."""
        await self._work.finish_all(self._settings.shutdown_seconds)
        await self._headrace.close()
        if self._model is not None:
            await self._model.close()

    async def _summarize(self, batch: Batch) -> bool:
        groups = await asyncio.to_thread(_groups, batch)
        assessment = await assess(groups, self._model, self._work.hurry)
        self._last_offline_reason = assessment.offline_reason
        return await self._send(encode_output(assessment), batch)

    async def _send(self, output: dict[str, Any], batch: Batch) -> bool:
        try:
            receipt = await self._headrace.send_output(output, batch.request_id, traceparent=batch.traceparent)
        except HeadraceError as error:
            # The log is now the only place where the result is. What went wrong is all in the error's words.
            whole = json.dumps(output, ensure_ascii=False)
            fault = f"request {batch.request_id}: the result could not be sent: {error}; it is {whole}"
            _logger.error(fault)  # noqa: TRY400
            return False
        _logger.info("request %s: %s, sent as %s", batch.request_id, output["title"], receipt.id)
        return True

    def _seconds_until_free(self) -> int:
        """What a batch may take at most before its place is free, if the model answers or fails at the first try."""
        return math.ceil(self._settings.ai_timeout_seconds) if self._model else 1


def _groups(batch: Batch) -> list[ErrorGroup]:
    return group_events(map(read_event, batch.records))


def _key(batch: Batch) -> str:
    """The same for the same batch sent again."""
    return hashlib.sha256(batch.request_id.encode() + b"\0" + batch.body).hexdigest()
