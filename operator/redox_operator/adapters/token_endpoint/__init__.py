"""Token requests: an assertion goes out, a token or an error comes (RFC 6749 §4.4, RFC 7523)."""

from redox_operator.adapters.token_endpoint.client import TokenEndpointClient
from redox_operator.adapters.token_endpoint.timeouts import Timeouts

__all__ = ["Timeouts", "TokenEndpointClient"]
