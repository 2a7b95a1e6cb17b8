"""The races that systems of this kind lose, as scenarios; README.md has the catalogue."""
