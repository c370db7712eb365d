"""Client assertions: private keys from Secrets, and the JWTs that they sign (RFC 7523).

`key_parser` holds `KeyParser`: a Secret's value becomes checked keys, in a child process.
`signing` holds `sign` and `new_jti`: a key becomes an assertion, in this process.

Nothing is imported here: the child imports this package too, and stays small without asyncio
and joserfc.
"""
