"""Keeps Redox access tokens fresh in the Secrets that pods mount."""
