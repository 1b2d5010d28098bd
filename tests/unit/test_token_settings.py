"""Which settings of the token go together. Each wrong combination is one line that says what to do."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr

from scripts.signing import Signing
from shared.settings import ApiSettings
from tests.jwks_server import key_pair
from tests.unit.test_settings import REQUIRED, read, refused, values

RSA, EC = key_pair("settings"), key_pair("settings", "ES256")
URL = "https://issuer.example/keys"
BASICS = {"DATABASE_URL": REQUIRED["DATABASE_URL"]}


def private(form: PrivateFormat) -> str:
    return RSA.private.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def certificate() -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    unsigned = x509.CertificateBuilder(name, name, RSA.private.public_key(), 1, now, now + timedelta(days=1))
    return unsigned.sign(RSA.private, SHA256()).public_bytes(Encoding.PEM).decode()


GOOD = {
    "a secret": {"JWT_SECRET": "x"},
    "a secret and its algorithm": {"JWT_SECRET": "x", "JWT_ALGORITHM": "HS256"},
    "an RSA key": {"JWT_PUBLIC_KEY": RSA.pem(), "JWT_ALGORITHM": "RS256"},
    "an RSA key of PKCS 1": {"JWT_PUBLIC_KEY": RSA.pem(PublicFormat.PKCS1), "JWT_ALGORITHM": "RS256"},
    "an EC key": {"JWT_PUBLIC_KEY": EC.pem(), "JWT_ALGORITHM": "ES256"},
    "an EC key on one line": {"JWT_PUBLIC_KEY": EC.pem().replace("\n", "\\n"), "JWT_ALGORITHM": "ES256"},
    "a key with the line breaks of Windows": {
        "JWT_PUBLIC_KEY": EC.pem().replace("\n", "\r\n"),
        "JWT_ALGORITHM": "ES256",
    },
    "a key between spaces": {"JWT_PUBLIC_KEY": f"\n  {EC.pem()}\n\n ", "JWT_ALGORITHM": "es256"},
    "a key set": {"JWT_JWKS_URL": URL, "JWT_ALGORITHM": "ES256"},
    **{
        f"a key set at {host}": {"JWT_JWKS_URL": f"http://{host}/keys", "JWT_ALGORITHM": "RS256"}
        for host in ("localhost:8080", "127.0.0.1", "[::1]", "10.1.2.3", "keycloak:8080", "issuer.svc.cluster.local")
    },
}

# What is set, and the settings that the line names, with a word of it.
WRONG = {
    "nothing": ({}, {"JWT_SECRET": "missing"}),
    "RS256 alone": ({"JWT_ALGORITHM": "RS256"}, {"JWT_PUBLIC_KEY": "missing"}),
    "a key and no algorithm": ({"JWT_PUBLIC_KEY": RSA.pem()}, {"JWT_PUBLIC_KEY": "JWT_ALGORITHM=RS256"}),
    "a key for HS256": (
        {"JWT_PUBLIC_KEY": RSA.pem(), "JWT_ALGORITHM": "HS256"},
        {"JWT_PUBLIC_KEY": "JWT_ALGORITHM=RS256"},
    ),
    "a key set and no algorithm": ({"JWT_JWKS_URL": URL}, {"JWT_JWKS_URL": "JWT_ALGORITHM=RS256"}),
    "a secret beside a key": (
        {"JWT_SECRET": "x", "JWT_PUBLIC_KEY": RSA.pem(), "JWT_ALGORITHM": "RS256"},
        {"JWT_SECRET": "is for HS256"},
    ),
    "a secret beside a key set": (
        {"JWT_SECRET": "x", "JWT_JWKS_URL": URL, "JWT_ALGORITHM": "RS256"},
        {"JWT_SECRET": "is for HS256"},
    ),
    "a key beside a secret": ({"JWT_SECRET": "x", "JWT_PUBLIC_KEY": RSA.pem()}, {"JWT_PUBLIC_KEY": "no JWT_SECRET"}),
    "a key beside a key set": (
        {"JWT_PUBLIC_KEY": RSA.pem(), "JWT_JWKS_URL": URL, "JWT_ALGORITHM": "RS256"},
        {"JWT_PUBLIC_KEY": "only one"},
    ),
    "a secret for RS256": (
        {"JWT_SECRET": "x", "JWT_ALGORITHM": "RS256"},
        {"JWT_PUBLIC_KEY": "missing", "JWT_SECRET": "is for HS256"},
    ),
    "a public key as secret": ({"JWT_SECRET": RSA.pem()}, {"JWT_SECRET": "JWT_PUBLIC_KEY"}),
    "no such algorithm": ({"JWT_SECRET": "x", "JWT_ALGORITHM": "none"}, {"JWT_ALGORITHM": "HS256"}),
}
WRONG_KEYS = {
    "an EC key": ("RS256", EC.pem(), "RSA key"),
    "an RSA key": ("ES256", RSA.pem(), "EC key"),
    "a key on another curve": ("ES256", key_pair("another curve", "ES384").pem(), "P-256"),
    "a short key": ("RS256", key_pair("small", bits=1024).pem(), "2048"),
    "a private key": ("RS256", private(PrivateFormat.PKCS8), "private"),
    "a private key of PKCS 1": ("RS256", private(PrivateFormat.TraditionalOpenSSL), "private"),
    "a certificate": ("RS256", certificate(), "certificate"),
    "two keys": ("RS256", RSA.pem() + key_pair("other").pem(), "JWT_JWKS_URL"),
    "half a key": ("RS256", RSA.pem()[:200], "PEM"),
    "a path": ("RS256", "/run/secrets/key.pem", "PEM"),
    "an SSH key": ("RS256", "ssh-rsa AAAAB3Nz", "PEM"),
}


@pytest.mark.parametrize("name", GOOD)
def test_one_source_of_keys_that_fits_the_algorithm_is_enough(name: str, tmp_path: Path) -> None:
    values(tmp_path, "ApiSettings", **BASICS, **GOOD[name])


@pytest.mark.parametrize("case", WRONG)
def test_settings_that_do_not_fit_each_other_are_named(case: str, tmp_path: Path) -> None:
    given, named = WRONG[case]
    said = refused(read(tmp_path, "ApiSettings", **BASICS, **given)).removeprefix("Cannot start: ")
    found = dict(part.split(": ", 1) for part in re.split("; (?=JWT_)", said))
    assert found.keys() == named.keys()
    assert all(word in found[name] for name, word in named.items())


@pytest.mark.parametrize("name", WRONG_KEYS)
def test_a_key_that_cannot_check_tokens_is_refused(name: str, tmp_path: Path) -> None:
    algorithm, key, word = WRONG_KEYS[name]
    said = refused(read(tmp_path, "ApiSettings", **BASICS, JWT_ALGORITHM=algorithm, JWT_PUBLIC_KEY=key))
    assert said.startswith("Cannot start: JWT_PUBLIC_KEY: ")
    assert word in said
    assert not [line for line in key.splitlines() if line in said and "-----" not in line]


def test_worker_and_migrations_ask_for_no_key(tmp_path: Path) -> None:
    for kind in ("WorkerSettings", "Settings"):
        values(tmp_path, kind, **BASICS, OPENAI_API_KEY="x", JWT_ALGORITHM="none", JWT_SECRET="", JWT_PUBLIC_KEY="x")


def test_only_the_issuer_signs_where_there_is_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ApiSettings(database_url=SecretStr("postgresql:///x"), jwt_algorithm="RS256", jwt_jwks_url=URL)

    with pytest.raises(SystemExit):
        Signing.of(settings)

    assert "only the issuer signs" in refused({"code": 1, "said": capsys.readouterr().err})
