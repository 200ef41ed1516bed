"""A web server in a thread of its own, with a clean start and stop."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette

from collector.language.errors import InputError

PORT = 8080
CONNECTIONS = 500
LARGEST_HEAD = 32 << 10
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the certificate (with those that vouch for it), and its key."""

    chain: Path
    key: Path


def serve(app: Starlette, host: str = "127.0.0.1", port: int = PORT, certificate: Certificate | None = None) -> Server:
    """The running server of an application made by `collector.serving.api.application`; `stop` ends it.

    Port 0 takes a free one; `Server.url` tells which. With a certificate it speaks HTTPS alone.

    Raises
    ------
    InputError
        If the address cannot be taken, or the certificate cannot be used.
    """
    if certificate is not None:
        _check(certificate)
    return Server(app, _bound(host, port), certificate)


class Server:
    """A web server on a bound socket; it also ends as a context manager."""

    def __init__(self, app: Starlette, bound: socket.socket, certificate: Certificate | None = None) -> None:
        self.host, self.port = bound.getsockname()[:2]
        self._scheme = "https" if certificate else "http"
        self._stopping: Event = app.state.stopping
        self._stopping.clear()
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            http="h11",
            h11_max_incomplete_event_size=LARGEST_HEAD,
            limit_concurrency=CONNECTIONS,
            ssl_certfile=certificate.chain if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
            timeout_graceful_shutdown=3,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([bound],), name="web", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"{self._scheme}://[{host}]:{self.port}" if ":" in host else f"{self._scheme}://{host}:{self.port}"

    def stop(self) -> None:
        """Finish what is being answered, end the live streams, and let go of the port."""
        self._stopping.set()
        self._server.should_exit = True
        self._thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _check(certificate: Certificate) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate.chain, certificate.key)
    except (OSError, ssl.SSLError) as error:
        told = f"cannot use the certificate {certificate.chain} with the key {certificate.key}: {error}"
        raise InputError(f"{told}; expected two PEM files that belong together") from None


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)  # with TCP named, asyncio sends small answers without delay
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}, port {port}: {error}; choose another host or port") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        hint = "choose another with --port, or --port 0 for a free one"
        raise InputError(f"cannot listen on {host}, port {port}: {error}; {hint}") from None
    return bound
