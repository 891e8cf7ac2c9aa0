"""The metrics of a process of the service, where settings say so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transfer.http.metrics import MetricsServer
from transfer.metrics import PrometheusMeter
from transfer.service.sockets import listening_sockets
from transfer.settings import Settings, variable
from transfer.values import Address


@asynccontextmanager
async def served_metrics(
    settings: Settings, meter: PrometheusMeter, member: int = 0
) -> AsyncIterator[None]:
    """Answer for the metrics meanwhile; of several processes each has the next port.

    Raises:
        ServiceError: the port can't be had.
    """
    first = settings.metrics_listen
    if first is None:
        yield
        return
    port = first.port + member if first.port else 0
    listeners = listening_sockets(Address(first.host, port), variable("metrics_listen"))
    server = MetricsServer(meter)
    try:
        await server.start(listeners)
        yield
    finally:
        await server.stop()
        for listener in listeners:
            listener.close()
