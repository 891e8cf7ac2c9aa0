"""The HTTP application: its routes, and what stands before all of them."""

from aiohttp import web

from transfer.http.accounts import AccountRoutes
from transfer.http.auth import authentication
from transfer.http.boundary import identification, sign, tell_errors
from transfer.http.cases import CaseRoutes, DeskRoutes
from transfer.http.downloads import DownloadRoutes
from transfer.http.files import FileRoutes
from transfer.http.policy import Services
from transfer.http.probes import ProbeRoutes
from transfer.http.tus import TusRoutes, mark_tus


def build_app(services: Services) -> web.Application:
    """Return the application. Give it to `HttpServer`, which sets the limits of connections."""
    app = web.Application(
        middlewares=[
            identification(services.clock),
            tell_errors,
            authentication(services.tokens, services.policy),
        ],
        client_max_size=services.policy.max_json_bytes,
    )
    app.add_routes(ProbeRoutes(services).routes())
    app.add_routes(TusRoutes(services).routes())
    app.add_routes(FileRoutes(services).routes())
    app.add_routes(DownloadRoutes(services).routes())
    app.add_routes(AccountRoutes(services).routes())
    app.add_routes(CaseRoutes(services).routes())
    if services.desk is not None:
        app.add_routes(DeskRoutes(services, services.desk).routes())
    app.on_response_prepare.append(sign)
    app.on_response_prepare.append(mark_tus)
    return app
