"""Discord's published description of its API, and holding requests and answers against it."""

from __future__ import annotations

import json
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PLACE = Path(
    os.environ.get(
        "DISCOBASE_OPENAPI", Path(__file__).parents[3] / "shared" / "discord-openapi.json"
    )
)
ABSENT = f"Discord's API description is not at {PLACE}; name its place in DISCOBASE_OPENAPI"

_METHODS = {"GET", "PUT", "POST", "PATCH", "DELETE"}
_NAMED_ERROR = {
    "type": "object",
    "properties": {"code": {"type": ["integer", "string"]}, "message": {"type": "string"}},
    "required": ["code", "message"],
}
"""The description says that the codes in an error tree are integers; Discord sends names there."""

_LAX = ["string", "integer"]
_ID_OR_NUMBER = {"type": _LAX, "pattern": "^(0|[1-9][0-9]*)$"}
"""What clients send for an id, and for permissions; the description knows one form of each."""


class Operation(NamedTuple):
    """One endpoint of the description."""

    method: str
    template: str
    name: str
    public: bool


class Description:
    """The description, read once."""

    @cached_property
    def _document(self) -> dict[str, Any]:
        return json.loads(PLACE.read_text("utf-8"))

    @cached_property
    def _registry(self) -> Registry:
        answers, requests = self._document, json.loads(PLACE.read_text("utf-8"))
        inner = answers["components"]["schemas"]["InnerErrors"]
        inner["properties"]["_errors"]["items"] = _NAMED_ERROR
        schemas = requests["components"]["schemas"]
        schemas["SnowflakeType"] = _ID_OR_NUMBER
        one = requests["paths"]["/channels/{channel_id}/permissions/{overwrite_id}"]["put"]
        for overwrite in (
            schemas["ChannelPermissionOverwriteRequest"],
            one["requestBody"]["content"]["application/json"]["schema"],
            schemas["CreateRoleRequest"],
            schemas["UpdateRoleRequestPartial"],
        ):
            for name in ("allow", "deny", "permissions"):
                overwrite["properties"][name] = {**_ID_OR_NUMBER, "type": [*_LAX, "null"]}
        registry = Registry()
        for name, document in (("answers", answers), ("requests", requests)):
            resource = Resource.from_contents(document, default_specification=DRAFT202012)
            registry = registry.with_resource(f"urn:{name}", resource)
        return registry

    @cached_property
    def operations(self) -> dict[tuple[str, str], Operation]:
        """All endpoints by method and path."""
        found = {}
        for template, methods in self._document["paths"].items():
            for method, operation in methods.items():
                if (upper := method.upper()) in _METHODS:
                    key = (upper, template)
                    public = {} in operation.get("security", [])
                    found[key] = Operation(upper, template, operation["operationId"], public)
        return found

    def request_problems(self, method: str, template: str, body: object, form: bool) -> list[str]:
        """Why a body is none that the description lets a client send."""
        operation = self._document["paths"][template][method.lower()]
        content = operation.get("requestBody", {}).get("content", {})
        kind = "multipart/form-data" if form else "application/json"
        if body is None:
            return []
        if kind not in content:
            return [f"{method} {template} takes no {kind}"]
        path = ["paths", template, method.lower(), "requestBody", "content", kind, "schema"]
        return self._problems("requests", path, body)

    def answer_problems(self, method: str, template: str, status: int, body: object) -> list[str]:
        """Why an answer is none that the description lets Discord give."""
        responses = self._document["paths"][template][method.lower()]["responses"]
        if str(status) in responses and status != 429:
            content = responses[str(status)].get("content")
            if content is None:
                return [] if body is None else [f"{status} has no body"]
            return self._problems("answers", _of_answer(method, template, str(status)), body)
        if 400 <= status < 500:
            name = "ClientRatelimitedResponse" if status == 429 else "ClientErrorResponse"
            path = ["components", "responses", name, "content", "application/json", "schema"]
            return self._problems("answers", path, body)
        return [f"{method} {template} answers no {status}"]

    def _problems(self, which: str, path: list[str], value: object) -> list[str]:
        return [
            f"{error.json_path}: {error.message[:300]}"
            for error in self._validator(which, path).iter_errors(value)
        ]

    def _validator(self, which: str, path: list[str]) -> Draft202012Validator:
        pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
        reference = {"$ref": f"urn:{which}#/{pointer.replace('{', '%7B').replace('}', '%7D')}"}
        return Draft202012Validator(reference, registry=self._registry)


def _of_answer(method: str, template: str, status: str) -> list[str]:
    content = ["responses", status, "content", "application/json", "schema"]
    return ["paths", template, method.lower(), *content]


class Witness:
    """Holds exchanges against the description, each shape of body once."""

    def __init__(self) -> None:
        self.description = Description()
        self.problems: list[str] = []
        self.seen: set[tuple[str, str, int]] = set()
        self._known: set[object] = set()
        self._lock = threading.Lock()

    def watch(
        self, method: str, template: str, asked: object, form: bool, status: int, text: str
    ) -> None:
        """Checks one exchange; what was refused need not have been asked rightly."""
        answer = json.loads(text) if text else None
        if (method, template) not in self.description.operations:
            return
        key = (method, template, status, form, _shape(asked), _shape(answer))
        with self._lock:
            if key in self._known:
                return
            self._known.add(key)
            self.seen.add((method, template, status))
        found = self.description.answer_problems(method, template, status, answer)
        if status < 300:
            asked_wrongly = self.description.request_problems(method, template, asked, form)
            found += [f"request: {problem}" for problem in asked_wrongly]
        self.problems += [f"{method} {template} {status} {problem}" for problem in found]

    def take(self) -> list[str]:
        """What was found since the last time."""
        with self._lock:
            problems, self.problems = self.problems, []
        return problems


def _shape(value: object) -> object:
    """What matters of a value to a schema: kinds and names, and numbers that may be choices."""
    if isinstance(value, dict):
        return tuple(sorted((key, _shape(item)) for key, item in value.items() if key != "_id"))
    if isinstance(value, list):
        return frozenset(map(repr, {_shape(item) for item in value}))
    if isinstance(value, int) and 0 <= value < 32:
        return repr(value)
    if isinstance(value, str):
        return f"s{len(value) > 100}{value.isdigit()}"
    return type(value).__name__
