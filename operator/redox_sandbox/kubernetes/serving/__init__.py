"""The HTTP side: paths, media types, bodies, streams, and the admin path."""
