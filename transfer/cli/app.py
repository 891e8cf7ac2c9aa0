"""All commands, as one application."""

import typer

from transfer.cli import (
    accounts,
    audit,
    bans,
    cases,
    contacts,
    deployment,
    keys,
    launches,
    outbox,
    receipts,
    retention,
    serving,
    sessions,
    sweeping,
    tokens,
    verification,
)

app = typer.Typer(
    name="transfer",
    help="Files on support cases, by HTTP and SFTP, on S3-compatible storage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for serving_command in (serving.serve, serving.http, serving.sftp, serving.worker):
    app.command()(serving_command)
app.add_typer(cases.app, name="case")
app.add_typer(contacts.app, name="contact")
app.add_typer(tokens.app, name="token")
app.add_typer(launches.app, name="launch")
app.add_typer(sessions.app, name="session")
app.add_typer(accounts.app, name="account")
app.add_typer(bans.app, name="ban")
app.add_typer(receipts.app, name="receipt")
app.add_typer(outbox.app, name="outbox")
app.add_typer(audit.app, name="audit")
app.add_typer(retention.app, name="retention")
app.add_typer(keys.app, name="keys")
app.add_typer(sweeping.app, name="sweep")
app.command()(verification.verify)
app.command()(deployment.migrate)
app.command("check-config")(deployment.check_config)
app.command()(deployment.version)
