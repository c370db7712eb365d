"""Seeds that no repository should hold: private keys, made anew for each run."""

from __future__ import annotations

import json

from tests.support import keys


def key_secrets() -> dict[str, bytes]:
    """Values of key Secrets, each good, by name."""
    rsa, own_names = keys.jwk(alg="PS256"), keys.jwk("P-521", kid="k")
    factors = ("p", "q", "dp", "dq", "qi")
    values = {
        "rsa-2048.pem": keys.rsa_pem(),
        "rsa-2048-pkcs1.pem": keys.rsa_pem(form="pkcs1"),
        "p-256.pem": keys.ec_pem(),
        "p-384-sec1.pem": keys.ec_pem("P-384", form="sec1"),
        "rsa-2048.jwk": json.dumps(rsa),
        "rsa-without-factors.jwk": json.dumps({n: v for n, v in rsa.items() if n not in factors}),
        "p-521.jwk": json.dumps(own_names),
        "set.jwks": json.dumps(
            keys.jwk_set([keys.jwk("P-256", kid="k"), own_names | {"kid": "l"}])
        ),
    }
    return {name: value.encode() for name, value in values.items()}
