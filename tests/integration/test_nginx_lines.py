"""The lines that somebody may add to nginx: for TLS, and for a proxy in front. As they are, but for ports, addresses and paths."""

import asyncio
import datetime
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.nginx_neighbours import StandInApi
from tests.nginx_server import ROOT, running_nginx
from tests.service import GIVE_UP_SECONDS, free_port

NAME = "tts.example.com"


def add_lines(folder: Path, name: str, **instead: str) -> None:
    """Copies an example, as its first line says."""
    text = (ROOT / "nginx" / "server.d" / f"{name}.conf.example").read_text()
    for old, new in {"/etc/nginx/server.d": str(folder), **instead}.items():
        text = text.replace(old, new)
    (folder / f"{name}.conf").write_text(text)


@pytest.fixture
def trusting(tmp_path: Path) -> ssl.SSLContext:
    """A client that knows the certificate in `tmp_path`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ssl.create_default_context(cafile=tmp_path / "fullchain.pem")


async def test_with_tls_audio_and_api_are_served_and_plain_requests_sent_there(
    audio_folder: Path, small_api: StandInApi, tmp_path: Path, trusting: ssl.SSLContext
) -> None:
    port = free_port()
    add_lines(tmp_path, "tls", **{"8443": f"127.0.0.1:{port}"})
    with running_nginx(audio_folder, small_api.address, server_dir=tmp_path) as url:
        async with aiohttp.ClientSession() as client:
            for path in ("/storage/tts/card-1.a_en.mp3", "/health"):
                there = f"https://127.0.0.1:{port}{path}"
                async with client.get(there, ssl=trusting, server_hostname=NAME) as answer:
                    assert answer.status == 200
                    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
                    assert answer.headers["X-Frame-Options"] == "DENY"
                async with client.get(url + path, allow_redirects=False) as answer:
                    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}{path}")


async def test_behind_a_proxy_requests_are_counted_by_client(
    audio_folder: Path, small_api: StandInApi, tmp_path: Path
) -> None:
    proxies = {"172.16.0.0/12": "127.0.0.0/24", r"172\.(1[6-9]|2[0-9]|3[01])": r"127\.0\.0"}
    add_lines(tmp_path, "behind-a-proxy", **proxies)
    with running_nginx(audio_folder, small_api.address, server_dir=tmp_path) as url:

        async def post(client: aiohttp.ClientSession, address: str) -> int:
            headers = {"X-Forwarded-For": address}
            async with client.post(f"{url}/api/tts/generate", data=b"{}", headers=headers) as answer:
                return answer.status

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=GIVE_UP_SECONDS)) as client:
            many = await asyncio.gather(*(post(client, f"203.0.113.{number}") for number in range(200)))
            # What a client says of itself comes before what the proxy saw.
            one = await asyncio.gather(*(post(client, f"203.0.113.{number}, 198.51.100.1") for number in range(200)))
        # Past the proxy, as whom one likes.
        past = aiohttp.TCPConnector(local_addr=("127.0.1.1", 0))
        async with aiohttp.ClientSession(connector=past) as client:
            assert await post(client, "203.0.113.201") == 403
            async with client.get(f"{url}/storage/tts/card-1.a_en.mp3") as answer:
                assert answer.status == 403
    assert set(many) == {202}
    assert 429 in one
