"""The public key that tokens are checked with, as `JWT_PUBLIC_KEY` has it: a PEM, and what is wrong with one in one line."""

from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PublicKey = RSAPublicKey | EllipticCurvePublicKey
_LEAST_RSA_BITS = 2048  # RFC 7518, 3.3


def load_public_key(text: str, algorithm: Literal["RS256", "ES256"]) -> PublicKey:
    """The key, which fits the algorithm. A line break may be written as backslash and n. Raises `ValueError` with what is wrong."""
    key = _load(text.replace("\\n", "\n").strip())
    if algorithm == "ES256":
        if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            return key
        raise ValueError("must be an EC key on the curve P-256, since JWT_ALGORITHM is ES256")
    if not isinstance(key, RSAPublicKey):
        raise ValueError("must be an RSA key, since JWT_ALGORITHM is RS256")
    if key.key_size < _LEAST_RSA_BITS:
        raise ValueError(f"must be an RSA key of {_LEAST_RSA_BITS} bits or more")
    return key


def _load(pem: str) -> PublicKeyTypes:
    if "PRIVATE KEY" in pem:
        raise ValueError("is a private key, for the issuer alone; the public one: openssl pkey -in FILE -pubout")
    if "CERTIFICATE" in pem:
        raise ValueError(
            "is a certificate, whose dates nobody would check; its key: openssl x509 -in FILE -noout -pubkey"
        )
    if pem.count("-----BEGIN ") > 1:
        raise ValueError("holds more than one key: for several there is JWT_JWKS_URL")
    try:
        return load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("must be a public key in PEM: -----BEGIN PUBLIC KEY----- and so on") from None
