"""Files: whole or not written, read within bounds, as plain data."""
