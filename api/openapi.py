"""The OpenAPI document, and a page to read it that loads nothing from anywhere."""

from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)

from api.generate_request import CARD_ID, MAX_CARD_ID_LENGTH, MAX_PHRASES, MAX_TEXT_LENGTH
from api.schemas import Problem

_BEARER = "token"
_DESCRIPTION = "Posts up to 200 bilingual phrases, tells how far their audio is. Errors are RFC 9457 problem details."
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }
h2 { margin: 2rem 0 .25rem; font: 600 1.05rem ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: #f3f3f3; padding: .75rem; overflow: auto } summary { cursor: pointer }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } pre { background: #262626 } a { color: #8cf } }
"""


def openapi_config() -> OpenAPIConfig:
    """`GET /schema` is the page, `GET /schema/openapi.json` the document."""
    return OpenAPIConfig(
        title="Memolist TTS",
        version="1",
        description=_DESCRIPTION,
        path="/schema",
        use_handler_docstrings=True,
        components=Components(
            security_schemes={_BEARER: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        render_plugins=[_Page(path="/"), JsonRenderPlugin()],
    )


SECURITY = [{_BEARER: list[str]()}]


def problems(*statuses: HTTPStatus) -> dict[int, ResponseSpec]:
    """The errors that a route may answer with."""
    return {
        status.value: ResponseSpec(
            Problem,
            generate_examples=False,
            description=status.phrase,
            media_type="application/problem+json",
        )
        for status in statuses
    }


@dataclass
class StatusOperation(Operation):
    """Without the 400 that Litestar notes for every route with a parameter."""

    def __post_init__(self) -> None:
        self.responses = {status: answer for status, answer in (self.responses or {}).items() if status != "400"}


@dataclass
class GenerateOperation(Operation):
    """Says what `generate` takes: its handler reads the body by hand."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=True, content={"application/json": OpenAPIMediaType(schema=_generate())}
        )


def _generate() -> Schema:
    text = Schema(
        type=OpenAPIType.STRING, max_length=MAX_TEXT_LENGTH, description="One side of a phrase may be blank, not both."
    )
    card_id = Schema(type=OpenAPIType.STRING, max_length=MAX_CARD_ID_LENGTH, pattern=f"^{CARD_ID.pattern}$")
    phrase = _object({"textEn": text, "textFr": text, "cardId": card_id})
    phrases = Schema(type=OpenAPIType.ARRAY, min_items=1, max_items=MAX_PHRASES, items=phrase)
    body = _object({"deckId": Schema(type=OpenAPIType.STRING), "phrases": phrases})
    anew = Schema(type=OpenAPIType.BOOLEAN, default=False, description="Make all audio anew.")
    body.properties = {**(body.properties or {}), "regenerate": anew}
    return body


def _object(properties: dict[str, Schema]) -> Schema:
    return Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=list(properties))


class _Page(OpenAPIRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        operations = "".join(
            _section(method, path, operation)
            for path, methods in openapi_schema["paths"].items()
            for method, operation in methods.items()
        )
        schemas = _details("Schemas", openapi_schema.get("components", {}).get("schemas", {}))
        title = escape(openapi_schema["info"]["title"])
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,"><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>'
            f'<p>{escape(_DESCRIPTION)} <a href="/schema/openapi.json">openapi.json</a></p>{operations}<h2>Schemas</h2>{schemas}'
        ).encode()


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    needs = "<p>Needs <code>Authorization: Bearer &lt;jwt&gt;</code>.</p>" if operation.get("security") else ""
    return (
        f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(operation.get('description') or '')}</p>{needs}"
        + _details("Parameters", operation.get("parameters"))
        + _details("Body", operation.get("requestBody"))
        + _details("Answers", operation.get("responses"))
    )


def _details(title: str, content: Any) -> str:
    if not content:
        return ""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"
