"""Structural schemas, as CustomResourceDefinitions use them: prune, default, validate."""
