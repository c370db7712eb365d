"""Specs that the CRD takes and refuses, each with the field and the words of the refusal."""

from __future__ import annotations

from typing import Any

import pytest

KEY = {"secretRef": {"name": "key"}}

IDENTIFIER = "has 1 to 256 printable ASCII characters without spaces: write"
CLIENT_ID = f"clientId {IDENTIFIER} the client ID that Redox shows for the OAuth API key"
KEY_ID = f"keyId {IDENTIFIER} the kid under which the public key is registered, or leave keyId out"
ENDPOINT = (
    "endpoint is a name, never a URL: write US, Canada or a name that the operator's configuration "
    "adds (letters, digits and -, a letter first, at most 63)"
)
SCOPE = (
    "a scope has 1 to 256 printable ASCII characters without spaces, quotation marks and "
    "backslashes: write each scope as an item of its own"
)
SECRET_NAME = (
    "a Secret's name has lower-case letters, digits, - and ., with a letter or digit at both "
    "ends: write such a name"
)
SECRET_KEY = (
    "a key of a Secret has letters, digits, -, _ and ., not starting with ..: write the key "
    "that holds the private key"
)
SOURCE = (
    "one source of the private key is needed: write secretRef with the name of the Secret that "
    "holds it"
)
NO_CLIENT_ID = "write the client ID that Redox shows for the OAuth API key"
NO_KEY = "write secretRef with the name of the Secret that holds the private key"
LABEL_VALUE = (
    "a label's value has at most 63 letters, digits, -, _ and ., with a letter or digit at "
    "both ends: write such a value"
)
LABEL_KEY = (
    "a key is <name> or <domain>/<name>: write a name of at most 63 letters, digits, -, _ and ., "
    "with a letter or digit at both ends, and the domain in lower case"
)
RESERVED = (
    "keys under redox-operator.dev, kubernetes.io, k8s.io, argocd.argoproj.io, helm.sh, "
    "toolkit.fluxcd.io, velero.io, reloader.stakater.com and their subdomains are reserved: use a "
    "domain of your own (of app.kubernetes.io, only name, part-of, component and version are free)"
)
PLACEHOLDER = (
    "only $(accessToken), $(tokenType), $(expiresAt), $(authorization), $(scope) and "
    "$(fhirBaseUrl) are replaced: use one of them, or write $$( for a plain $("
)
DATA_KEY = (
    "a key of a Secret has 1 to 253 letters, digits, -, _ and ., not starting with ..: write such "
    "a name"
)
RESERVED_DATA_KEY = (
    "access_token*, token_type, expires_*, issued_*, scope and authorization are the operator's "
    "own keys: choose another name"
)
KEY_TARGET = (
    "the access token would overwrite the Secret that holds the private key: write another name to "
    "spec.target.secretName"
)
NAME = (
    "metadata.name has more than 247 characters, so that no Secret can be called "
    "<metadata.name>-token: use a shorter name"
)
ALGORITHMS = 'supported values: "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256"'

REF, KID = "spec.privateKey.secretRef", "spec.privateKey.keyId"
TARGET, DATA = "spec.target", "spec.target.stringData"
BEFORE = "spec.refresh.beforeExpirySeconds"
RESERVED_DOMAINS = (
    "redox-operator.dev",
    "kubernetes.io",
    "app.kubernetes.io",
    "k8s.io",
    "node.k8s.io",
    "argocd.argoproj.io",
    "helm.sh",
    "meta.helm.sh",
    "kustomize.toolkit.fluxcd.io",
    "velero.io",
    "reloader.stakater.com",
)
RESERVED_DATA_KEYS = (
    "access_token",
    "access_token.txt",
    "token_type",
    "expires_at",
    "issued_at",
    "scope",
    "authorization",
)


def key(**fields: Any) -> dict[str, Any]:
    return {"privateKey": {"secretRef": {"name": "key", **fields}}}


def target(**fields: Any) -> dict[str, Any]:
    return {"target": fields}


def labels(*keys: str, value: str = "x") -> dict[str, Any]:
    return target(labels=dict.fromkeys(keys, value))


def annotations(*keys: str, value: str = "x") -> dict[str, Any]:
    return target(annotations=dict.fromkeys(keys, value))


def data(**string_data: str) -> dict[str, Any]:
    return target(stringData=string_data)


def data_keys(*keys: str) -> dict[str, Any]:
    return target(stringData=dict.fromkeys(keys, ""))


def before_expiry(value: Any) -> dict[str, Any]:
    return {"refresh": {"beforeExpirySeconds": value}}


def case(sentence: str, *values: Any) -> Any:
    return pytest.param(*values, id=sentence)


ACCEPTED = [
    case("the least that a credential needs", {}),
    case("a client ID of 256 printable characters", {"clientId": "!" + "~" * 255}),
    case("a key ID of 256 printable characters", {"privateKey": KEY | {"keyId": "_/+=" * 64}}),
    case("a key Secret with dots in its name", key(name="a.b-c")),
    case("a key Secret with the longest name", key(name="a" * 253)),
    case("a key of the Secret with every kind of character", key(key="Key_1-a.pem")),
    case("a key of the Secret with the longest name", key(key="k" * 253)),
    case("another endpoint", {"endpoint": "Canada"}),
    case("an endpoint with the longest name", {"endpoint": "E" + "-9" * 31}),
    *(
        case(f"algorithm {family}{size}", {"algorithm": f"{family}{size}"})
        for family in ("RS", "PS", "ES")
        for size in (256, 384, 512)
    ),
    case("an empty list of scopes", {"scopes": []}),
    case("scopes of every kind of character", {"scopes": ["system/Patient.read", "!#[]~"]}),
    case("64 scopes", {"scopes": [f"{n}".rjust(256, "s") for n in range(64)]}),
    case("an empty target", target()),
    case("a target with the longest name", target(secretName="a" * 253)),
    case("a label without a value", labels("a", value="")),
    case(
        "a label of the longest key and value", labels("a" * 253 + "/" + "b" * 63, value="A" * 63)
    ),
    case("32 labels", labels(*(f"l{n}" for n in range(32)))),
    case(
        "the common labels that are free",
        labels(*(f"app.kubernetes.io/{n}" for n in ("name", "part-of", "component", "version"))),
    ),
    case("labels that resemble reserved ones", labels("a.com/helm.sh", "ahelm.sh/a", "velero.io")),
    case(
        "16 annotations of any text", annotations(*(f"a{n}" for n in range(16)), value="é " * 1024)
    ),
    case("an empty stringData", data()),
    case("16 keys of 4096 characters", target(stringData={f"k{n}": "$" * 4096 for n in range(16)})),
    case(
        "every placeholder",
        data(all="$(accessToken)$(tokenType)$(expiresAt)$(authorization)$(scope)$(fhirBaseUrl)"),
    ),
    case("doubled dollars before anything", data(a="$$(anything) $$$$( $$$(scope)")),
    case("dollars that stand for themselves", data(a="$5, $a {$} $", b="lines:\n$\n$(scope)\n")),
    case(
        "keys that resemble reserved ones", data_keys("my_access_token", "Scope", "issued", "x.y-z")
    ),
    case("an empty refresh", {"refresh": {}}),
    case("the latest refresh", {"refresh": {"beforeExpirySeconds": 1}}),
    case("the earliest refresh", {"refresh": {"beforeExpirySeconds": 86400}}),
    case("a suspended credential", {"suspend": True}),
]

REFUSED = [
    case("no client ID", {"clientId": None}, "spec.clientId", NO_CLIENT_ID),
    case("an empty client ID", {"clientId": ""}, "spec.clientId", CLIENT_ID),
    case("a client ID with a space", {"clientId": "a b"}, "spec.clientId", CLIENT_ID),
    case("a client ID with a line end", {"clientId": "a\n"}, "spec.clientId", CLIENT_ID),
    case("a client ID beyond ASCII", {"clientId": "é"}, "spec.clientId", CLIENT_ID),
    case("a client ID of 257", {"clientId": "a" * 257}, "spec.clientId", "Too long: may not"),
    case("no private key", {"privateKey": None}, "spec.privateKey", NO_KEY),
    case("no source", {"privateKey": {"keyId": "a"}}, "spec.privateKey.secretRef", SOURCE),
    case("a source without a name", {"privateKey": {"secretRef": {}}}, f"{REF}.name", "Required"),
    case("a key Secret in capitals", key(name="Key"), f"{REF}.name", SECRET_NAME),
    case("a path for a key Secret", key(name="../a"), f"{REF}.name", SECRET_NAME),
    case("a key Secret of 254", key(name="a" * 254), f"{REF}.name", "Too long: may not"),
    case("a key Secret elsewhere", key(namespace="a"), f"{REF}.namespace", "unknown field"),
    case("a path for a key", key(key="a/b"), f"{REF}.key", SECRET_KEY),
    case("a key that starts with two dots", key(key="..data"), f"{REF}.key", SECRET_KEY),
    case("a key that is a dot", key(key="."), f"{REF}.key", SECRET_KEY),
    case("an empty key", key(key=""), f"{REF}.key", SECRET_KEY),
    case("a key of 254", key(key="a" * 254), f"{REF}.key", "Too long: may not"),
    case("a key ID with a space", {"privateKey": KEY | {"keyId": "a b"}}, KID, KEY_ID),
    case("an empty key ID", {"privateKey": KEY | {"keyId": ""}}, KID, KEY_ID),
    case("a key ID of 257", {"privateKey": KEY | {"keyId": "a" * 257}}, KID, "Too long: may not"),
    case("a URL for an endpoint", {"endpoint": "https://a.b/c"}, "spec.endpoint", ENDPOINT),
    case("an endpoint with a digit first", {"endpoint": "1a"}, "spec.endpoint", ENDPOINT),
    case("an empty endpoint", {"endpoint": ""}, "spec.endpoint", ENDPOINT),
    case("an endpoint of 64", {"endpoint": "a" * 64}, "spec.endpoint", "Too long: may not"),
    case("a token URL", {"tokenUrl": "https://a.b/c"}, "spec.tokenUrl", "unknown field"),
    case("a shared secret's algorithm", {"algorithm": "HS256"}, "spec.algorithm", ALGORITHMS),
    case("no signature", {"algorithm": "none"}, "spec.algorithm", ALGORITHMS),
    case("two scopes in one", {"scopes": ["a b"]}, "spec.scopes[0]", SCOPE),
    case("a scope with a quotation mark", {"scopes": ["a", 'b"']}, "spec.scopes[1]", SCOPE),
    case("a scope with a backslash", {"scopes": ["b\\"]}, "spec.scopes[0]", SCOPE),
    case("an empty scope", {"scopes": [""]}, "spec.scopes[0]", SCOPE),
    case("a scope of 257", {"scopes": ["a" * 257]}, "spec.scopes[0]", "Too long: may not"),
    case("a scope twice", {"scopes": ["a", "a"]}, "spec.scopes[1]", "Duplicate value"),
    case("65 scopes", {"scopes": [f"{n}" for n in range(65)]}, "spec.scopes", "Too many: 65"),
    case("a target in capitals", target(secretName="A"), f"{TARGET}.secretName", SECRET_NAME),
    case("an empty target name", target(secretName=""), f"{TARGET}.secretName", SECRET_NAME),
    case("a target of 254", target(secretName="a" * 254), f"{TARGET}.secretName", "Too long"),
    case(
        "the key's Secret", target(secretName="ehr-redox-key"), f"{TARGET}.secretName", KEY_TARGET
    ),
    case("the key's Secret unsaid", key(name="ehr-token"), f"{TARGET}.secretName", KEY_TARGET),
    case("a label's key with a space", labels("a b"), f"{TARGET}.labels", LABEL_KEY),
    case("a label's key with two slashes", labels("a/b/c"), f"{TARGET}.labels", LABEL_KEY),
    case("a label's domain in capitals", labels("Helm.sh/a"), f"{TARGET}.labels", LABEL_KEY),
    case("a label's name of 64", labels("a" * 64), f"{TARGET}.labels", LABEL_KEY),
    case("a label's domain of 254", labels("a" * 254 + "/b"), f"{TARGET}.labels", LABEL_KEY),
    case("an empty label's key", labels(""), f"{TARGET}.labels", LABEL_KEY),
    case("a label with a space", labels("a", value="b c"), f"{TARGET}.labels[a]", LABEL_VALUE),
    case("a label of 64", labels("a", value="b" * 64), f"{TARGET}.labels.a", "Too long: may not"),
    case("33 labels", labels(*(f"l{n}" for n in range(33))), f"{TARGET}.labels", "Too many: 33"),
    *(
        case(f"a {kind} under {domain}", build(f"{domain}/a"), f"{TARGET}.{kind}s", RESERVED)
        for kind, build in (("label", labels), ("annotation", annotations))
        for domain in RESERVED_DOMAINS
    ),
    case("an annotation's key", annotations("a/"), f"{TARGET}.annotations", LABEL_KEY),
    case("17 annotations", annotations(*map(str, range(17))), f"{TARGET}.annotations", "Too many"),
    case("a long text", annotations("a", value="b" * 2049), f"{TARGET}.annotations.a", "Too long"),
    case("an unknown placeholder", data(a="$(token)"), f"{DATA}[a]", PLACEHOLDER),
    case("a placeholder in capitals", data(a="$(AccessToken)"), f"{DATA}[a]", PLACEHOLDER),
    case("an empty placeholder", data(a="$()"), f"{DATA}[a]", PLACEHOLDER),
    case("an open placeholder", data(a="b $(scope"), f"{DATA}[a]", PLACEHOLDER),
    case("a placeholder after a dollar", data(a="$$$(token)"), f"{DATA}[a]", PLACEHOLDER),
    case("a nested placeholder", data(a="$($(scope))"), f"{DATA}[a]", PLACEHOLDER),
    case("a value of 4097", data(a="a" * 4097), f"{DATA}.a", "Too long: may not"),
    case("17 keys", data_keys(*(f"k{n}" for n in range(17))), DATA, "Too many: 17"),
    case("a path for a data key", data_keys("a/b"), DATA, DATA_KEY),
    case("a data key that starts with two dots", data_keys("..data"), DATA, DATA_KEY),
    case("an empty data key", data_keys(""), DATA, DATA_KEY),
    case("a data key of 254", data_keys("a" * 254), DATA, DATA_KEY),
    *(
        case(f"the reserved data key {name}", data_keys(name), DATA, RESERVED_DATA_KEY)
        for name in RESERVED_DATA_KEYS
    ),
    case("a refresh at the expiry", before_expiry(0), BEFORE, "greater than or equal to 1"),
    case("a refresh too early", before_expiry(86401), BEFORE, "less than or equal to 86400"),
    case("a duration", before_expiry("5m"), BEFORE, "must be of type integer"),
    case("a word for suspend", {"suspend": "yes"}, "spec.suspend", "must be of type boolean"),
]
