"""How the token endpoint refuses: RFC 6749 §5.2 with the texts of Redox.

The descriptions are those of Redox's page "Troubleshoot OAuth API key errors". Where Redox leaves
the description blank, so does the sandbox; `reason` says what was wrong, in its log only.
"""

from __future__ import annotations

ERROR_URI = "https://docs.redoxengine.com/permalink/7sEi7MTFssZ1JuHpUYLeYJ"

BLANK = ""
CONTENT_TYPE_REQUIRED = "x-www-form-urlencoded content-type required"
MISSING_GRANT_TYPE = "Missing grant_type parameter"
WRONG_GRANT_TYPE = "The grant_type parameter should equal 'client_credentials'"
MISSING_ASSERTION_TYPE = "Missing client assertion type"
WRONG_ASSERTION_TYPE = "Invalid client assertion type"
MISSING_ASSERTION = "Missing client assertion"
KID_REQUIRED = "JWT header kid property is required"
KEY_NOT_FOUND = "Public key not found, check client_id, kid and Redox dashboard settings"


class Refusal(Exception):
    """A token request that is not granted; answered with status 400.

    `reason` is a sentence of ours for the log and names no value of the request.
    """

    def __init__(self, description: str, reason: str, *, error: str = "invalid_request") -> None:
        super().__init__(reason)
        self.description = description
        self.reason = reason
        self.error = error

    def body(self) -> dict[str, str]:
        """The JSON body of the answer."""
        return {
            "error": self.error,
            "error_description": self.description,
            "error_uri": ERROR_URI,
        }


def blank(reason: str) -> Refusal:
    """A refusal that Redox does not explain: a wrong value of `aud`, `alg`, `jti` or `iat`."""
    return Refusal(BLANK, reason)


def unexpected(name: str, reason: str) -> Refusal:
    """A claim or header that is missing or ill formed."""
    return Refusal(f"Unexpected {name} claim value", reason)
