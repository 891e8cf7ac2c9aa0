"""The HTTP application: its routes, and what stands before all of them."""

from aiohttp import web

from transfer.http.accounts import AccountRoutes
from transfer.http.acknowledgements import AcknowledgementRoutes
from transfer.http.archive import ArchiveRoutes
from transfer.http.auth import authentication, note_begun
from transfer.http.bans import BanRoutes
from transfer.http.boundary import identification, sign, tell_errors
from transfer.http.case_events import CaseEventRoutes
from transfer.http.case_updates import CaseUpdateRoutes
from transfer.http.cases import CaseRoutes, DeskRoutes
from transfer.http.cors import preflights, sharing
from transfer.http.documentation import DocumentationRoutes
from transfer.http.downloads import DownloadRoutes
from transfer.http.events import EventRoutes, ending_streams
from transfer.http.files import FileRoutes
from transfer.http.heads import head_check
from transfer.http.launch import LaunchRoutes
from transfer.http.limits import concurrency
from transfer.http.oidc import OidcRoutes
from transfer.http.oversight import OversightRoutes
from transfer.http.policy import Services
from transfer.http.previews import PreviewRoutes
from transfer.http.probes import ProbeRoutes
from transfer.http.protection import protection
from transfer.http.receipts import ReceiptRoutes
from transfer.http.retention import RetentionRoutes
from transfer.http.self_test import SelfTestRoutes
from transfer.http.sessions import SessionRoutes
from transfer.http.sign_in import SignInRoutes
from transfer.http.site.acknowledgement_page import AcknowledgementPageRoutes
from transfer.http.site.admin import AdminPageRoutes
from transfer.http.site.admin_holds import AdminHoldDeskRoutes, AdminHoldRoutes
from transfer.http.site.admin_sessions import AdminSessionRoutes
from transfer.http.site.admin_tokens import AdminTokenRoutes
from transfer.http.site.assets import AssetRoutes
from transfer.http.site.case_account import CaseAccountRoutes
from transfer.http.site.case_care import CaseCareRoutes
from transfer.http.site.case_conversation import CaseConversationRoutes
from transfer.http.site.case_list import CaseListRoutes, CaseOpeningRoutes
from transfer.http.site.case_page import CasePageRoutes
from transfer.http.site.case_timeline import CaseTimelineRoutes
from transfer.http.site.file_removal import FileRemovalRoutes
from transfer.http.site.landing import LandingRoutes
from transfer.http.site.people import for_people
from transfer.http.site.preview import FilePageRoutes
from transfer.http.site.receipts_page import ReceiptsPageRoutes
from transfer.http.site.rendering import POLICY
from transfer.http.site.self_test import SelfTestPageRoutes
from transfer.http.timeline import TimelineRoutes
from transfer.http.tokens import TokenRoutes
from transfer.http.uploads import UploadRoutes, mark_protocol
from transfer.http.verification import VerificationRoutes


def build_app(services: Services) -> web.Application:
    """Return the application. Give it to `HttpServer`, which sets the limits of connections."""
    policy = services.policy
    app = web.Application(
        middlewares=[
            identification(services.clock, policy.proxies),
            for_people,
            tell_errors,
            head_check(policy.max_head_bytes),
            preflights(policy.cors_origins),
            authentication(services),
            concurrency(policy),
        ],
        client_max_size=policy.max_json_bytes,
    )
    app[POLICY] = policy
    _add_api(app, services)
    _add_pages(app, services)
    app.on_shutdown.append(ending_streams(services.events))
    app.on_response_prepare.append(note_begun)
    app.on_response_prepare.append(sign)
    app.on_response_prepare.append(protection(policy.hsts))
    if policy.cors_origins:
        app.on_response_prepare.append(sharing(policy.cors_origins))
    app.on_response_prepare.append(mark_protocol)
    return app


def _add_api(app: web.Application, services: Services) -> None:
    """Add what programs ask for, and the ways to sign in."""
    app.add_routes(ProbeRoutes(services).routes())
    app.add_routes(DocumentationRoutes(services).routes())
    app.add_routes(UploadRoutes(services).routes())
    app.add_routes(VerificationRoutes(services).routes())
    app.add_routes(ReceiptRoutes(services).routes())
    app.add_routes(AcknowledgementRoutes(services).routes())
    app.add_routes(FileRoutes(services).routes())
    app.add_routes(DownloadRoutes(services).routes())
    app.add_routes(PreviewRoutes(services).routes())
    app.add_routes(EventRoutes(services).routes())
    app.add_routes(ArchiveRoutes(services).routes())
    app.add_routes(AccountRoutes(services).routes())
    app.add_routes(TokenRoutes(services).routes())
    app.add_routes(SessionRoutes(services).routes())
    app.add_routes(BanRoutes(services).routes())
    app.add_routes(OversightRoutes(services).routes())
    app.add_routes(RetentionRoutes(services).routes())
    app.add_routes(SignInRoutes(services).routes())
    app.add_routes(LaunchRoutes(services).routes())
    app.add_routes(SelfTestRoutes(services).routes())
    app.add_routes(CaseRoutes(services).routes())
    app.add_routes(TimelineRoutes(services).routes())
    if services.inbox is not None:
        app.add_routes(CaseEventRoutes(services, services.inbox).routes())
    if services.staff is not None:
        app.add_routes(OidcRoutes(services, services.staff).routes())
    if services.desk is not None:
        app.add_routes(DeskRoutes(services, services.desk).routes())
        app.add_routes(CaseUpdateRoutes(services, services.desk).routes())


def _add_pages(app: web.Application, services: Services) -> None:
    """Add what people look at."""
    app.add_routes(LandingRoutes(services).routes())
    app.add_routes(AssetRoutes().routes())
    app.add_routes(CasePageRoutes(services).routes())
    app.add_routes(FilePageRoutes(services).routes())
    app.add_routes(ReceiptsPageRoutes(services).routes())
    app.add_routes(FileRemovalRoutes(services).routes())
    app.add_routes(CaseAccountRoutes(services).routes())
    app.add_routes(SelfTestPageRoutes(services).routes())
    app.add_routes(AcknowledgementPageRoutes(services).routes())
    app.add_routes(AdminPageRoutes(services).routes())
    app.add_routes(AdminHoldRoutes(services).routes())
    app.add_routes(AdminTokenRoutes(services).routes())
    app.add_routes(AdminSessionRoutes(services).routes())
    app.add_routes(CaseListRoutes(services).routes())
    app.add_routes(CaseTimelineRoutes(services).routes())
    if services.desk is not None:
        app.add_routes(CaseOpeningRoutes(services, services.desk).routes())
        app.add_routes(CaseCareRoutes(services, services.desk).routes())
        app.add_routes(CaseConversationRoutes(services, services.desk).routes())
        app.add_routes(AdminHoldDeskRoutes(services, services.desk).routes())
