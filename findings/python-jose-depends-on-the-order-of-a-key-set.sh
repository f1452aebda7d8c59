#!/usr/bin/env bash
# python-jose verifies a token with a JWK Set only if no key of another type stands before the right one.
#
# Tried:     python-jose 3.5.0: one token signed with RS256, its header naming the key, and JWK Sets that hold that key
#            beside one of another type (EC, OKP, and a type not registered yet), in both orders.
# Seen:      With the RSA key first the token is valid. With the other key first jwt.decode raises JWKError "Incorrect key
#            type. Expected: 'RSA', Received: EC". The key id plays no part.
# Expected:  Valid each time. RFC 7517 §5: the order of keys implies no preference unless the application says so, and
#            types that are not understood SHOULD be ignored; RFC 7515 §4.1.4: kid says which key was used. The docstring
#            of jwt.decode offers a JWK Set as defined by RFC 7517 and mentions no order. Reported as issues 138 and 331 of
#            mpdavis/python-jose, both open.
# For you:   An issuer that adds a second algorithm, EC or Ed25519 beside RSA, breaks such verifiers or not by where it
#            puts the new key. JWKError is no JWTError either, so what is written to catch bad tokens does not catch it.
#            As an issuer, keep the keys that old verifiers know in front. As a verifier, pick the key by kid yourself.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'python-jose[cryptography]==3.5.0' cryptography==50.0.2

cat > probe.py <<'PY'
import base64, time
from importlib.metadata import version
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jose import exceptions, jwt

def text(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

def number(value, size):
    return text(value.to_bytes(size, "big"))

private = rsa.generate_private_key(65537, 2048)
public = private.public_key().public_numbers()
point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
edwards = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
RSA = {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": number(public.n, 256), "e": "AQAB"}
OTHERS = {
    "EC": {"kty": "EC", "kid": "e", "use": "sig", "alg": "ES256", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)},
    "OKP": {"kty": "OKP", "kid": "o", "use": "sig", "alg": "EdDSA", "crv": "Ed25519", "x": text(edwards)},
    "NEW": {"kty": "NEW", "kid": "n", "use": "sig"},
}
pem = private.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
token = jwt.encode({"sub": "ada", "exp": int(time.time()) + 300}, pem, algorithm="RS256", headers={"kid": "r"})

def verify(keys):
    try:
        return "valid for " + jwt.decode(token, {"keys": keys}, algorithms=["RS256", "ES256"])["sub"]
    except exceptions.JOSEError as error:
        return f"{type(error).__name__} (a JWTError: {isinstance(error, exceptions.JWTError)}): {error}"

print("python-jose", version("python-jose"))
for name, other in OTHERS.items():
    print(f"RSA, {name}: {verify([RSA, other])}")
    print(f"{name}, RSA: {verify([other, RSA])}")
PY
seen=$(venv/bin/python probe.py)
echo "$seen"

cat > expected <<'TXT'
python-jose 3.5.0
RSA, EC: valid for ada
EC, RSA: JWKError (a JWTError: False): Incorrect key type. Expected: 'RSA', Received: EC
RSA, OKP: valid for ada
OKP, RSA: JWKError (a JWTError: False): Incorrect key type. Expected: 'RSA', Received: OKP
RSA, NEW: valid for ada
NEW, RSA: JWKError (a JWTError: False): Incorrect key type. Expected: 'RSA', Received: NEW
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
