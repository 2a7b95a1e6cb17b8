"""The console's page, and signing in.

Rule 1: what is served is what was in the folder when the server started, and nothing else.
Rule 2: a page loads nothing from, and says nothing to, any other host.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trio_media.console.access import COOKIE, COOKIE_S, TOKEN_CHARS_MAX, is_foreign_page
from trio_media.console.gate import Console, client_of, header_of, log, read_body
from trio_media.console.problems import Problem

STATIC: Final = Path(__file__).with_name("static")
FILE_BYTES_MAX: Final = 4 << 20
FILES_MAX: Final = 200
TYPES: Final[Mapping[str, str]] = {
    # The machine's own table may say otherwise, and browsers run no module of another type.
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
NO_TROUBLE: Final = b'<p class="trouble" role="alert" id="trouble" hidden></p>'
"""Where the sign-in page says what is wrong, as long as nothing is."""
_TEXTS: Final = ("text/", "application/json")


def page_headers(own_ws: str = "") -> dict[str, str]:
    """Give the headers of a page.  ``own_ws``: where its softphone calls, ``ws://host``."""
    # Some browsers do not take 'self' for the websockets of the same host.
    connects = f"'self' {own_ws}".strip()
    policy = (
        f"default-src 'self'; connect-src {connects}; img-src 'self' data:; "
        "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
        "X-Frame-Options": "DENY",
    }


@attrs.frozen
class Asset:
    """A file of the page."""

    content: bytes
    media_type: str
    etag: str


def read_assets(folder: Path = STATIC) -> dict[str, Asset]:
    """Read the files of a folder, by their paths in it.  Blocks: before anything is served."""
    assets: dict[str, Asset] = {}
    for path in sorted(folder.rglob("*")):
        is_file = path.is_file() and not path.name.startswith(".")
        if is_file and path.stat().st_size <= FILE_BYTES_MAX and len(assets) < FILES_MAX:
            content = path.read_bytes()
            kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
            name = path.relative_to(folder).as_posix()
            assets[name] = Asset(content, kind or "application/octet-stream", etag_of(content))
    return assets


class Pages:
    """The page, and who may see it."""

    def __init__(self, console: Console, assets: Mapping[str, Asset] | None = None) -> None:
        self._console = console
        self._assets = read_assets() if assets is None else assets

    async def home(self, request: Request) -> Response:
        """``GET /``: the page; the sign-in where nobody is; the link that signs in."""
        console = self._console
        console.limits.check_requests(client_of(request))
        given, is_known = request.query_params.get("token"), self._is_signed_in(request)
        if given is not None and request.method == "GET":  # looking ahead must not use up a link
            return RedirectResponse("/", 303) if is_known else self._sign_in_by_link(request, given)
        if not is_known:
            return self._sign_in_page(request)
        index = self._assets.get("index.html")
        return self._answer(request, index) if index else self._sign_in_page(request)

    async def asset(self, request: Request) -> Response:
        """``GET /static/...``: no secret is in these, so the sign-in may use them."""
        self._console.limits.check_requests(client_of(request))
        found = self._assets.get(request.path_params["path"])
        if found is None:
            raise Problem(404, "there is no such file")
        return self._answer(request, found)

    def _is_signed_in(self, request: Request) -> bool:
        return self._console.access.who(header_of(request)) is not None

    def _sign_in_by_link(self, request: Request, given: str) -> Response:
        if not self._takes_code(request, given) and not self._takes_token(request, given):
            said = "This link was used already, or is too old, or of another run of the server."
            return self._sign_in_page(request, said)
        answer = RedirectResponse("/", 303)
        self._set_cookie(request, answer)
        return answer

    async def sign_in(self, request: Request) -> Response:
        """``POST /api/sign-in``."""
        self._check_asker(request)
        given = await read_body(request, dict[str, str])
        if set(given) != {"token"} or len(given["token"]) > TOKEN_CHARS_MAX:
            raise Problem(422, "the body must be an object with the token alone")
        if not self._takes_token(request, given["token"]):
            raise Problem(401, "this is not the token")
        answer = Response(status_code=204)
        self._set_cookie(request, answer)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """``POST /api/sign-out``."""
        self._check_asker(request)
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        log.info("console: sign out", extra={"client": client_of(request)})
        return answer

    def _check_asker(self, request: Request) -> None:
        """Count one who signs in or out.  Raises `Problem`: too often, or from another's page."""
        self._console.limits.check_requests(client_of(request))
        if is_foreign_page(header_of(request)):
            raise Problem(403, "another page than ours asked for this")

    def _takes_code(self, request: Request, given: str) -> bool:
        console, client = self._console, client_of(request)
        console.limits.check_tokens(client)
        is_taken = len(given) <= TOKEN_CHARS_MAX and console.take_code(given)
        if is_taken:
            log.info("console: sign in", extra={"client": client})
        return is_taken

    def _takes_token(self, request: Request, given: str) -> bool:
        console, client = self._console, client_of(request)
        console.limits.check_tokens(client)
        if not console.access.is_token(given):
            console.limits.count_wrong_token(client)
            return False
        log.info("console: sign in", extra={"client": client})
        return True

    def _set_cookie(self, request: Request, answer: Response) -> None:
        answer.set_cookie(
            COOKIE,
            self._console.access.make_cookie(),
            max_age=COOKIE_S,
            path="/",
            secure=self._console.own_origin(request).startswith("https:"),
            httponly=True,
            samesite="strict",
        )

    def _sign_in_page(self, request: Request, said: str = "") -> Response:
        page = self._assets.get("sign-in.html")
        if page is None:
            return Response(sign_in_html(said), headers=page_headers(), media_type="text/html")
        return self._answer(request, with_trouble(page, said) if said else page)

    def _answer(self, request: Request, asset: Asset) -> Response:
        origin = self._console.own_origin(request)
        own_ws = origin.replace("http", "ws", 1) if origin else ""
        headers = {**page_headers(own_ws), "ETag": asset.etag}
        # Whoever signs in or out sees another page at the same address.
        headers["Vary"] = "Cookie"
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        kind = asset.media_type
        if kind.startswith(_TEXTS):
            kind += "; charset=utf-8"
        # Not the parameter: Starlette would add another charset.
        return Response(asset.content, headers={**headers, "Content-Type": kind})


def with_trouble(page: Asset, said: str) -> Asset:
    """Give the sign-in page with what was wrong, where its script would put it."""
    told = f"{html.escape(said)}</p>".encode()
    content = page.content.replace(NO_TROUBLE, NO_TROUBLE.replace(b" hidden></p>", b">" + told))
    return Asset(content, page.media_type, etag_of(content))


def etag_of(content: bytes) -> str:
    """Give what tells a content from any other."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def sign_in_html(said: str = "") -> str:
    """Write a sign-in page that needs no script: the token goes into the address, and out of it
    again at once.
    """
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>trio_media</title>'
        "<h1>trio_media</h1>"
        f"<p>{html.escape(said)}</p>"
        '<form method="get" action="/"><label>Admin token '
        '<input type="password" name="token" autocomplete="current-password" required autofocus>'
        '</label> <button type="submit">Sign in</button></form>'
        "<p>The server prints it when it starts.</p></html>"
    )
