"""A stand-in of Redox and of the Kubernetes API, for demonstrations and tests."""
