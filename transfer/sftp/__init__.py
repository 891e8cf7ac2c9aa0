"""The SFTP door: translates the protocol to the engine, and decides nothing."""
