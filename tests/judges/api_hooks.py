"""Signs in for schemathesis: with the token it is given, or else with an account made for the occasion, because what is tried
may end it."""

import itertools
import os

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


def somebody_new():
    token, org = admin()
    account = f"once{next(numbers)}"
    roles = [{"role": "admin", "org": org}]
    made = post("/v1/people", {"name": account, "org": org, "account": account, "roles": roles}, token)
    return post("/v1/session", {"account": account, "password": made["password"]})["token"]


@schemathesis.serializer("application/offset+octet-stream", "image/jpeg")
def as_bytes(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        return os.environ["XUNGE_TOKEN"] or somebody_new()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
