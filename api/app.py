"""The API, put together. Wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import ASGIRouteHandler
from litestar.middleware import DefineMiddleware
from procrastinate import App
from sqlalchemy.ext.asyncio import AsyncEngine

from api import health, jobs
from api.auth import AuthMiddleware, TokenVerifier
from api.bodies import IncomingBodies
from api.job_watch import JobWatch
from api.metrics import metrics_route
from api.openapi import openapi_config
from api.problems import problem_details
from api.studio_page import studio_route
from shared.database import Sessions, create_engine, create_sessions
from shared.keyed_lock import KeyedLock
from shared.logs import configure_logs
from shared.queue import create_queue
from shared.settings import ApiSettings, read_settings

_BODY_LIMIT_BYTES = 20 * 1024 * 1024
_DATABASE_CONNECTIONS = 20
# A run holds its job a little less while it replaces files; others hold what a request needs for milliseconds.
_LOCK_SECONDS = 10


def create_app(settings: ApiSettings | None = None) -> Litestar:
    """The API as the settings say; they are read here unless given."""
    settings = settings or read_settings(ApiSettings)
    configure_logs(settings)
    queue, users = create_queue(settings), KeyedLock()
    database = create_engine(settings, _DATABASE_CONNECTIONS, _LOCK_SECONDS)
    sessions = create_sessions(database)
    job_watch = JobWatch(settings.direct_conninfo, sessions)
    authenticate = DefineMiddleware(AuthMiddleware, verifier=TokenVerifier(settings))
    return Litestar(
        route_handlers=[
            jobs.routes(authenticate),
            health.health,
            health.ready,
            metrics_route(sessions),
            studio_route(settings),
            *_audio(settings),
        ],
        dependencies={
            "job_watch": Provide(lambda: job_watch, sync_to_thread=False),
            "sessions": Provide(lambda: sessions, sync_to_thread=False),
            "queue": Provide(lambda: queue, sync_to_thread=False),
            "users": Provide(lambda: users, sync_to_thread=False),
            "settings": Provide(lambda: settings, sync_to_thread=False),
        },
        plugins=[problem_details()],
        openapi_config=openapi_config(),
        request_max_body_size=_BODY_LIMIT_BYTES,
        signature_types=[JobWatch, App, Sessions, ApiSettings, KeyedLock],
        lifespan=[lambda _: _closing(database), lambda _: job_watch.running()],
        logging_config=None,
        state=State({"job_watch": job_watch, "incoming": IncomingBodies()}),
    )


@asynccontextmanager
async def _closing(database: AsyncEngine) -> AsyncIterator[None]:
    yield
    await database.dispose()


def _audio(settings: ApiSettings) -> list[ASGIRouteHandler]:
    if not settings.api_serves_audio:
        return []
    from api.audio import audio_route  # its library is an extra

    return [audio_route(settings.storage_dir)]
