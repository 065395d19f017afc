"""Performs operations with the client that openapi-python-client generated from server/openapi.json.

`python client.py FOLDER`, FOLDER holding the package `xunge_client`. Reads one JSON line for each operation from standard
input and answers with one line (`server/tests/generated_client.rs` writes and reads them):

    {"base": URL, "operation": "get_v1_cases", "template": "/v1/cases/{id}", "path": "/v1/cases/…?limit=3",
     "headers": {…}, "body": BASE64, "token": TOKEN or null, "refused": false}
    {"status": 200, "read": "CaseView", "rows": null}   or   {"fault": "what went wrong"}
    {"sign": BASE64}   in between: the next line is the signature of these bytes

Every argument has the type that the generated function declares, a JSON body is an instance of the generated model, and the
answer is what the generated function returns. The answer must be a success (or 401, if `refused`) that the model has read
completely: a member that the description does not know, a value of another type, or an object that no model could read is a
fault. `rows` is the number of rows of a page or list.
"""

import base64
import enum
import functools
import importlib
import inspect
import io
import json
import pkgutil
import sys
import traceback
import types
import typing
import urllib.parse
import uuid

sys.path.insert(0, sys.argv[1])
import attrs  # noqa: E402
import xunge_client.api  # noqa: E402
import xunge_client.models  # noqa: E402
from xunge_client import AuthenticatedClient, Client  # noqa: E402
from xunge_client.types import UNSET, File, Unset  # noqa: E402

# An answer without an end: the generated function would read it forever. The generated request is sent, and the first bytes
# of the answer are read.
ENDLESS = {"get_v1_field_events"}
# The generated function sends this header's value as given; its value is a signature over the body that the function makes.
SIGNATURE = "xunge-signature"


class Fault(Exception):
    """What a user of the generated client would stumble over."""


def say(**line):
    print(json.dumps(line, ensure_ascii=False), flush=True)


def functions():
    """The module of each operation, by operation id."""
    found = {}
    for tag in pkgutil.iter_modules(xunge_client.api.__path__, "xunge_client.api."):
        for module in pkgutil.iter_modules(importlib.import_module(tag.name).__path__, tag.name + "."):
            found[module.name.rsplit(".", 1)[1]] = module.name
    return found


def parts(annotation):
    """The types of a union, or the one type."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return (annotation,)


def typed(text, annotation):
    """A text of the request as the type that the generated function takes."""
    for kind in parts(annotation):
        if kind in (type(None), Unset):
            continue
        if kind is bool:
            return {"true": True, "false": False}[text]
        if kind in (int, uuid.UUID, str) or (inspect.isclass(kind) and issubclass(kind, enum.Enum)):
            return kind(text)
    raise Fault(f"no way to give {text!r} as {annotation}")


@functools.cache
def members(model):
    """The attributes of a generated model with their types. The generated code does not check the types of what it reads."""
    names = vars(xunge_client.models) | vars(importlib.import_module(model.__module__))
    hints = typing.get_type_hints(model, globalns=names)
    return {name: hint for name, hint in hints.items() if name != "additional_properties"}


def fits(value, hint):
    """Whether a value has the type that the generated code declares, without what its members hold."""
    if hint is typing.Any:
        return True
    if any(one is not hint for one in parts(hint)):
        return any(fits(value, one) for one in parts(hint))
    if typing.get_origin(hint) is list:
        return isinstance(value, list) and all(fits(one, typing.get_args(hint)[0]) for one in value)
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if hint is float else hint)


def unread(value, at):
    """Where a parsed answer, or a model of a request, holds what no model has read."""
    if isinstance(value, File):
        return
    if attrs.has(type(value)):
        known = members(type(value))
        more = getattr(value, "additional_properties", {})
        # A model without members is that of any object; a map holds models.
        if known and more and not all(attrs.has(type(one)) for one in more.values()):
            yield f"{at}: {sorted(more)} not in the description of {type(value).__name__}"
        for name, hint in known.items():
            part = getattr(value, name)
            if not fits(part, hint):
                yield f"{at}.{name}: {part!r} is no {hint}"
            yield from unread(part, f"{at}.{name}")
        for name, part in more.items():
            if attrs.has(type(part)):
                yield from unread(part, f"{at}.{name}")
    elif isinstance(value, list):
        for n, one in enumerate(value):
            yield from unread(one, f"{at}[{n}]")
    elif isinstance(value, dict):
        yield f"{at}: an object that no model has read: {value}"


def as_json(value):
    if attrs.has(type(value)):
        return value.to_dict()
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value


def body(bytes_, kind, annotation):
    """The body of a request as the generated function takes it."""
    kinds = [one for one in parts(annotation) if one is not Unset]
    if kind == "application/json":
        models = [one for one in kinds if inspect.isclass(one) and attrs.has(one) and one is not File]
        if len(models) != 1:
            raise Fault(f"no one model for the body: {annotation}")
        model = models[0].from_dict(json.loads(bytes_))
        faults = list(unread(model, "request"))
        if faults:
            raise Fault("; ".join(faults))
        return model
    if File not in kinds:
        raise Fault(f"bytes cannot be given as {annotation}")
    return File(payload=io.BytesIO(bytes_))


def arguments(function, asked):
    """The arguments of the generated function for a request. Every part of the request must have its argument."""
    path, _, query = asked["path"].partition("?")
    given = {}
    for name, value in zip(asked["template"].split("/"), path.split("/"), strict=True):
        if name.startswith("{"):
            given[name[1:-1]] = urllib.parse.unquote(value)
        elif name != value:
            raise Fault(f"{path} is no path of {asked['template']}")
    given.update(urllib.parse.parse_qsl(query, strict_parsing=bool(query)))
    headers = dict(asked["headers"])
    kind = headers.pop("content-type", "application/octet-stream")
    given.update(headers)
    wanted = typing.get_type_hints(function)
    made = {}
    for name, value in given.items():
        argument = name.replace("-", "_")
        argument = argument if argument in wanted else argument + "_"
        if argument not in wanted:
            raise Fault(f"the client has no argument for {name}")
        made[argument] = typed(value, wanted[argument])
    bytes_ = base64.b64decode(asked["body"])
    if "body" in wanted:
        made["body"] = body(bytes_, kind, wanted["body"])
    elif bytes_ not in (b"", b"{}"):
        raise Fault("the client has no argument for the body")
    return made


def sign(request):
    """Has the bytes that the client really sends signed, as a terminal's key does."""
    if SIGNATURE in request.headers:
        say(sign=base64.b64encode(request.read()).decode())
        request.headers[SIGNATURE] = json.loads(sys.stdin.readline())["signature"]


def client(asked):
    more = {"raise_on_unexpected_status": True, "httpx_args": {"event_hooks": {"request": [sign]}, "trust_env": False}}
    if asked["token"] is None:
        return Client(base_url=asked["base"], **more)
    return AuthenticatedClient(base_url=asked["base"], token=asked["token"], **more)


def first_bytes(module, made, client_):
    with client_.get_httpx_client().stream(**module._get_kwargs(**made)) as answer:
        if answer.status_code != 200:
            raise Fault(f"{answer.status_code}: {answer.read()!r}")
        begun = next(answer.iter_bytes())
    if not begun.startswith((b":", b"event:", b"data:", b"id:", b"retry:")):
        raise Fault(f"no event: {begun!r}")
    return {"status": 200, "read": "events"}


def perform(asked, modules):
    operation = asked["operation"]
    if operation not in modules:
        raise Fault("the client has no function for it")
    module = importlib.import_module(modules[operation])
    function = module.sync_detailed
    made = arguments(function, asked)
    client_ = client(asked)
    if operation in ENDLESS and not asked["refused"]:
        return first_bytes(module, made, client_)
    answer = function(client=client_, **made)
    if answer.status_code != 401 if asked["refused"] else not 200 <= answer.status_code < 300:
        raise Fault(f"{answer.status_code.value}: {answer.content.decode(errors='replace')}")
    parsed = answer.parsed
    if parsed is None and answer.content:
        raise Fault(f"the answer of {len(answer.content)} bytes is not described")
    faults = list(unread(parsed, type(parsed).__name__))
    if faults:
        raise Fault("; ".join(faults))
    if answer.content and "json" in answer.headers.get("content-type", ""):
        sent, kept = json.loads(answer.content), as_json(parsed)
        if sent != kept:
            raise Fault(f"the models changed the answer {sent} to {kept}")
    elif isinstance(parsed, File):
        if parsed.payload.read() != answer.content:
            raise Fault("the bytes changed")
    elif isinstance(parsed, str):
        if parsed != answer.content.decode():
            raise Fault("the text changed")
    elif answer.content:
        raise Fault(f"{len(answer.content)} bytes were read as {type(parsed).__name__}")
    listed = getattr(parsed, "items", parsed)
    rows = len(listed) if isinstance(listed, list) else None
    return {"status": answer.status_code.value, "read": type(parsed).__name__, "rows": rows}


def main():
    modules = functions()
    for line in sys.stdin:
        try:
            said = perform(json.loads(line), modules)
        except Fault as fault:
            said = {"fault": str(fault)}
        except Exception as error:  # what the generated code raised
            at = traceback.extract_tb(error.__traceback__)[-1]
            said = {"fault": f"{type(error).__name__}: {error} ({at.filename.rsplit('/', 1)[-1]}:{at.lineno})"}
        say(**said)


main()
