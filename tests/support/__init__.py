"""Builders, fakes and launchers that the tests share."""
