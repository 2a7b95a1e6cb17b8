"""trio_media."""
