"""The page at `/schema`: the OpenAPI document, to read. It loads nothing from anywhere."""

from html import escape
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }
h2 { margin: 2.5rem 0 .25rem; font: 600 1.05rem ui-monospace, monospace; overflow-wrap: anywhere } p { margin: .5rem 0 }
pre { margin: .25rem 0 .75rem; background: #f3f3f3; padding: .75rem; overflow: auto; font-size: .85rem } summary { cursor: pointer }
dt { margin-top: .35rem } dd { margin: 0 0 0 1.5rem } code { font: .9em ui-monospace, monospace }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } pre { background: #262626 } a { color: #8cf } }
"""
Node = dict[str, Any]


class Page(OpenAPIRenderPlugin):
    """All operations, one below the other: what each takes, and an example of everything that it answers."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        info, schemas = openapi_schema["info"], openapi_schema["components"]["schemas"]
        operations = [
            (f"{method.upper()} {path}", operation)
            for path, methods in openapi_schema["paths"].items()
            for method, operation in methods.items()
        ]
        title = escape(info["title"])
        links = "".join(f'<li><a href="#{it["operationId"]}">{escape(name)}</a>' for name, it in operations)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,"><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>'
            f'<p>{escape(info["description"])} <a href="/schema/openapi.json">openapi.json</a><ul>{links}</ul>'
            f"{''.join(_operation(name, it) for name, it in operations)}"
            f"<h2>Schemas</h2>{''.join(_details(name, schema) for name, schema in sorted(schemas.items()))}"
        ).encode()


def _operation(name: str, operation: Node) -> str:
    needs = "<p>Needs <code>Authorization: Bearer &lt;jwt&gt;</code>." if operation.get("security") else ""
    parameters = "".join(map(_parameter, operation.get("parameters") or []))
    answers = "".join(_answer(code, it) for code, it in sorted(operation["responses"].items()))
    return (
        f'<h2 id="{operation["operationId"]}">{escape(name)}</h2><p>{escape(operation["description"])}{needs}'
        f"<dl>{parameters}</dl>{_body(operation.get('requestBody'))}<dl>{answers}</dl>"
    )


def _parameter(it: Node) -> str:
    schema = {key: value for key, value in it["schema"].items() if key != "type"}
    kind = f"{it['in']}, {it['schema']['type']}{', required' if it.get('required') else ''}"
    limits = f" <code>{escape(_json(schema, 0))}</code>" if schema else ""
    return f"<dt><code>{it['name']}</code> ({kind})<dd>{escape(it.get('description') or '')}{limits}"


def _body(body: Node | None) -> str:
    if not body:
        return ""
    [(media_type, content)] = body["content"].items()
    text = escape(body.get("description") or "")
    return f"<p>Body: <code>{media_type}</code>. {text}{_examples(content)}{_details('Its schema', content['schema'])}"


def _answer(code: str, it: Node) -> str:
    headers = "".join(f" <code>{name}</code>" for name in it.get("headers") or {})
    shown = "".join(
        f"{_details(_schema_name(content['schema']) or media_type, content['schema'])}{_examples(content)}"
        for media_type, content in (it.get("content") or {}).items()
    )
    return f"<dt><b>{code}</b>{headers}<dd>{escape(it['description'])}{shown}"


def _examples(content: Node) -> str:
    return "".join(f"<pre>{escape(_json(it['value']))}</pre>" for it in (content.get("examples") or {}).values())


def _schema_name(schema: Node) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _details(title: str, content: Any) -> str:
    return f"<details><summary>{escape(title)}</summary><pre>{escape(_json(content))}</pre></details>"


def _json(content: Any, indent: int = 2) -> str:
    return msgspec.json.format(msgspec.json.encode(content), indent=indent).decode()
