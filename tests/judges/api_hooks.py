"""Signs in for schemathesis: with the given token, or with a new account for each call, because a call may end the session.
Also replaces random ids by existing ones: random ids only give 404, which would leave the operations unchecked."""

import functools
import itertools
import os
import uuid

import requests
import schemathesis

URL = os.environ["XUNGE_URL"]
numbers = itertools.count(1)


def post(path, body, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.post(URL + path, json=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()


def admin():
    if not hasattr(admin, "token"):
        body = {"account": os.environ["XUNGE_ADMIN"], "password": os.environ["XUNGE_PASSWORD"]}
        session = post("/v1/session", body)
        admin.token, admin.org = session["token"], session["org"]
    return admin.token, admin.org


def new_account():
    """An administrator of the district, because nobody makes one of the city, with a password of its own."""
    token, _ = admin()
    org = os.environ["XUNGE_DISTRICT"]
    account = f"once{next(numbers)}"
    roles = [{"role": "admin", "org": org}]
    made = post("/v1/people", {"name": account, "org": org, "account": account, "roles": roles}, token)
    session = post("/v1/session", {"account": account, "password": made["password"]})["token"]
    post("/v1/session/password", {"old": made["password"], "new": "own-" + made["password"]}, session)
    return session


@schemathesis.serializer("application/offset+octet-stream", "image/jpeg")
def as_bytes(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        return os.environ["XUNGE_TOKEN"] or new_account()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@functools.cache
def known():
    """An existing id of each kind, by the names that paths and bodies use for it."""
    token, org = admin()
    person = post("/v1/people", {"name": "甲", "org": org}, token)["id"]
    made = post("/v1/posts", {"org": org, "number": str(os.getpid()), "name": "岗", "areas": ["220104"]}, token)["id"]
    terminal = post("/v1/terminals", {"label": "终端", "org": org}, token)["id"]
    return {"org": org, "parent": org, "city": org, "person": person, "post": made, "posts": made, "terminals": terminal}


def existing(name, value):
    """Replaces three of four well-formed ids by an existing id; deliberately malformed values stay unchanged."""
    try:
        drawn = uuid.UUID(value).int
    except (ValueError, AttributeError, TypeError):
        return value
    return value if drawn % 4 == 0 else known().get(name, value)


def inside(body):
    if isinstance(body, dict):
        return {key: existing(key, value) if isinstance(value, str) else inside(value) for key, value in body.items()}
    return [inside(item) for item in body] if isinstance(body, list) else body


@schemathesis.hook
def before_call(context, case, kwargs):
    room = case.operation.path.split("/")[2:3]
    for key, value in (case.path_parameters or {}).items():
        case.path_parameters[key] = existing(room[0] if key == "id" and room else key, value)
    case.body = inside(case.body)
