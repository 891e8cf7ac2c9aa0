"""asyncssh's own client, with nothing of this machine's: no known hosts, keys, agent, settings."""

from functools import partial

import asyncssh

connect_ssh = partial(
    asyncssh.connect, known_hosts=None, client_keys=None, agent_path=None, config=None
)
"""`asyncssh.connect`, but where it would look around by itself; what is given goes before."""
