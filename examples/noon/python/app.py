"""The Noon quickstart in Python: a seller connects their store, and this backend receives a service account's key for the seller's project.

Noon's "OAuth Flow Quickstart", with Flask and requests.
"""

import hmac
import json
import logging
import os
import secrets
import time
import uuid
from urllib.parse import urlencode, urlsplit

import jwt
import requests
from flask import Flask, redirect, request, session
from markupsafe import escape

import devmode

devmode.environment("noon-python")

OAUTH = os.environ["NOON_OAUTH_URL"]
GATEWAY = os.environ["NOON_GATEWAY_URL"]
CLIENT_ID = os.environ["NOON_CLIENT_ID"]
CLIENT_SECRET = os.environ["NOON_CLIENT_SECRET"]  # never in the code, never in a browser
REDIRECT_URI = os.environ["NOON_REDIRECT_URI"]

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)  # signs the session's cookie
app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_SECURE=REDIRECT_URI.startswith("https:"))

sellers = {}  # project -> Gateway; a real backend keeps the keys in its secrets manager


class Refused(Exception):
    """The gateway's no. It holds no token and no secret."""

    def __init__(self, response):
        self.status = response.status_code
        try:
            message = response.json().get("message", "")
        except ValueError:
            message = ""
        super().__init__(f"Noon answered {self.status}: {message}")


class Gateway:
    """Calls the API as one service account. The session is in its cookies."""

    def __init__(self, credential):
        self.credential = credential
        self.http = requests.Session()
        self.http.headers["User-Agent"] = "YourApp/1.0"

    def login(self):
        """Proves with a fresh signature that we hold the key. Each token is good for a minute, once."""
        claims = {"sub": self.credential["key_id"], "iat": int(time.time()), "jti": str(uuid.uuid4())}
        token = jwt.encode(claims, self.credential["private_key"], algorithm="RS256")
        body = {"token": token, "default_project_code": self.credential["project_code"]}
        response = self.http.post(GATEWAY + "/identity/public/v1/api/login", json=body, timeout=10)
        if response.status_code != 200:
            raise Refused(response)

    def call(self, method, path, **kwargs):
        """After a 401 it signs in and tries once more: the session may have ended, or not have begun."""
        response = self.http.request(method, GATEWAY + path, timeout=10, **kwargs)
        if response.status_code == 401:
            self.login()
            response = self.http.request(method, GATEWAY + path, timeout=10, **kwargs)
        if response.status_code != 200:
            raise Refused(response)
        return response.json()


with open(os.environ["NOON_CREDENTIALS"], encoding="utf-8") as file:
    integrator = Gateway(json.load(file))  # our own session, which every OAuth call needs


def page(element, title, text, *links):
    items = "".join(f'<li><a id="{name}" href="{path}">{label}</a></li>' for name, path, label in links)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f'<body><main id="{element}"><h1>{escape(title)}</h1><pre>{escape(text)}</pre><ul>{items}</ul></main></body></html>'
    )


def failed(status, title, text):
    print(f"{title}: {text}", flush=True)
    return page("failed", title, text, ("again", "/connect-seller", "Connect again")), status


@app.route("/")
def home():
    return page("home", "Your App", "Connect your Noon store, and its orders appear here.", ("connect", "/connect-seller", "Connect your store"))


# Step 1: redirect the seller to the authorization URL, with a state that only this browser can bring back.
@app.route("/connect-seller")
def connect_seller():
    session["oauth_state"] = secrets.token_urlsafe(32)
    return redirect(f"{OAUTH}/?{urlencode({'client_id': CLIENT_ID, 'state': session['oauth_state']})}")


# Step 2: verify the state, once.
@app.route("/oauth/callback")
def oauth_callback():
    expected = session.pop("oauth_state", "")
    if not expected or not hmac.compare_digest(request.args.get("state", "").encode(), expected.encode()):
        return failed(400, "Invalid state parameter", "Possible CSRF attack. Start again.")
    code = request.args.get("code")
    if not code:
        return failed(403, "Not connected", f"Noon said {request.args.get('error', 'nothing')!r}.")
    try:
        project = connect(code)
    except (Refused, requests.RequestException) as error:
        return failed(502, "Not connected", str(error))
    session["project"] = project
    return page("connected", "Connected", f"Successfully connected seller project: {project}", ("use", "/orders", "Show the orders"))


# Steps 3 and 4: the code buys an access token, and the token at once a key. It works a single time.
def connect(code):
    token = integrator.call(
        "POST",
        "/identity/oauth/v1/token/create",
        json={"grant_type": "authorization_code", "code": code, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    )
    made = integrator.call("POST", "/identity/oauth/v1/token/exchange", json={"access_token": token["access_token"]})
    print(f"connected project {made['project_code']}; to track it: oauth_request_id {made['oauth_request_id']}", flush=True)
    sellers[made["project_code"]] = Gateway(made["result"])
    return made["project_code"]


# From now on: work as the seller's service account. When that was ended, the seller is asked to connect again.
@app.route("/orders")
def orders():
    project = session.get("project")
    seller = sellers.get(project)
    if seller is None:
        return redirect("/")
    try:
        found = seller.call("GET", "/order/v1/orders", params={"project_code": project})
    except Refused as error:
        if error.status == 401:
            del sellers[project]
            return failed(401, "Access ended", "The seller ended the access at Noon. Connect again to go on.")
        return failed(502, "No orders", str(error))
    return page("used", "Orders", json.dumps(found, indent=2), ("use", "/orders", "Again"))


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # its line for each request would hold the callback's code
    address = urlsplit(REDIRECT_URI)
    print(f"Open http://{address.netloc}/", flush=True)
    app.run(host=address.hostname, port=address.port)
