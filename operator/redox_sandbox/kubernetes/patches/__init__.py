"""The four kinds of patch, as pure functions: document and patch in, document out."""
