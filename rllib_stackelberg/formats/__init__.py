"""Games in other programs' files and libraries: read, and written."""
