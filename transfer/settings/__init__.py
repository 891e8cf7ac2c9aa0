"""What an operator may set: by `TRANSFER_*` variables or a TOML file. Nobody else reads either."""

from transfer.settings.loading import PREFIX, Settings, SettingsError, load, variable

__all__ = ["PREFIX", "Settings", "SettingsError", "load", "variable"]
