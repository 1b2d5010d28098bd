"""A stand-in for the issuer of tokens: it signs them, and publishes its keys over a real socket, or fails to, as it is told."""

import asyncio
import base64
import functools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True)
class KeyPair:
    """A key that the issuer signs with, under its name."""

    key_id: str
    algorithm: str
    private: PrivateKey

    def jwk(self, **changed: Any) -> dict[str, Any]:
        """Its public half as a member of a key set; a member changed to `...` is left out."""
        public: dict[str, Any] = jwt.get_algorithm_by_name(self.algorithm).to_jwk(
            self.private.public_key(), as_dict=True
        )
        public.pop("key_ops", None)
        member: dict[str, Any] = {**public, "kid": self.key_id, "use": "sig", "alg": self.algorithm, **changed}
        return {name: value for name, value in member.items() if value is not ...}

    def pem(self, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
        return self.private.public_key().public_bytes(Encoding.PEM, form).decode()

    def der(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, signed: bytes) -> bytes:
        return jwt.get_algorithm_by_name(self.algorithm).sign(signed, self.private)

    def token(self, **header: Any) -> str:
        """Anna's, good for a minute."""
        return self.forged({"kid": self.key_id} | header, {"sub": "anna", "exp": int(time.time()) + 60})

    def forged(self, header: dict[str, Any] | str, claims: dict[str, Any] | str) -> str:
        """A token of any header and claims, JSON or not, well signed; a member of the header that is `...` is left out."""
        if isinstance(header, dict):
            given: dict[str, Any] = {"typ": "JWT", "alg": self.algorithm, **header}
            header = json.dumps({name: value for name, value in given.items() if value is not ...})
        return assembled(header, claims if isinstance(claims, str) else json.dumps(claims), self.sign)


@functools.cache
def key_pair(key_id: str, algorithm: str = "RS256", bits: int = 2048) -> KeyPair:
    """The same at each call: making one takes a while."""
    curves = {"ES256": SECP256R1, "ES384": SECP384R1}
    private = generate_private_key(curves[algorithm]()) if algorithm in curves else generate_rsa_key(65_537, bits)
    return KeyPair(key_id, algorithm, private)


def assembled(header: str, claims: str, sign: Callable[[bytes], bytes]) -> str:
    """A token of these three parts."""
    signed = f"{base64url(header.encode())}.{base64url(claims.encode())}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class JwksServer:
    """Publishes `keys`, unless `fault` names another answer. Counts who asks."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    fault: str = ""
    is_open: asyncio.Event = field(default_factory=_open)  # cleared, it keeps all who ask waiting
    asked: int = 0
    asked_elsewhere: int = 0
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/jwks.json", self._answer)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/jwks.json"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        await self.is_open.wait()
        if self.fault:
            return await _FAULTS[self.fault](request)
        return web.json_response({"keys": self.keys})

    async def _elsewhere(self, _: web.Request) -> web.Response:
        self.asked_elsewhere += 1
        return web.json_response({"keys": self.keys})


def _body(body: str, status: int = 200) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status)

    return answer


async def _redirect(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/elsewhere")


async def _cut(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def _hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3_600)
    raise AssertionError


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" " * 65_536)


async def _drip(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.2)


_FAULTS = {
    "server error": _body("{}", 500),
    "not found": _body("{}", 404),
    "redirect": _redirect,
    "cut": _cut,
    "hang": _hang,
    "endless": _endless,
    "drip": _drip,
    "empty": _body(""),
    "html": _body("<html>"),
    "a list": _body("[]"),
    "brackets": _body("[" * 100_000),
    "no keys": _body("{}"),
    "keys that are none": _body('{"keys": 7}'),
    "an empty set": _body('{"keys": []}'),
    "odd members": _body('{"keys": [null, 7, "x", [], {}, {"kty": []}, {"kty": "RSA"}, {"kty": "EC", "crv": []}]}'),
}
FAULTS = list(_FAULTS)
SLOW_FAULTS = {"hang", "drip"}  # they last until the timeout
