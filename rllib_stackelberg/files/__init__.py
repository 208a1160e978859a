"""Files: whole or not written, read within bounds, as plain data."""

from rllib_stackelberg.files.folder import Folder, read_fields, to_json, write_atomically

__all__ = ["Folder", "read_fields", "to_json", "write_atomically"]
