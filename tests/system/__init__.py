"""The whole operator, as processes: against both API servers, with a Redox that verifies."""
