"""What both doors call: uploads, files, accounts and tokens, on the roles of `transfer.ports`."""
