"""Puna as a Ray Serve application: `serve run puna.ray_serve:app`.

Each replica starts `puna serve` on a loopback port, waits until it is ready and passes HTTP through.
A replica whose server dies ends at once, and Ray starts another; Ray's health check is the server's
`/ready`; on scale-down and update Ray lets running requests finish first.
"""

import asyncio
import dataclasses
import logging
import os
from typing import Any

import ray
from ray import serve

from puna.child_server import ChildFailed, ChildServer
from puna.pass_through import PassThrough, Receive, Scope, Send
from puna.restart_ledger import RestartLedger
from puna.settings import Settings, SettingsError, find_binary, parse_settings

# Requests that wait for the child's first byte are told so before this process ends.
DEATH_GRACE_S = 0.1
# A refused start costs a process, and Ray tries again at once.
REFUSED_START_WAIT_S = 5.0
# As many failed health checks as Ray itself needs to give a replica up.
UNANSWERED_MAX = 3
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

log = logging.getLogger("ray.serve")


def identity(settings: Settings) -> str:
    """Which configuration of which deployment of which cluster this is, for the record of its deaths."""
    context = serve.get_replica_context()
    session = ray.get_runtime_context().get_session_name()
    return f"{context.app_name} {context.deployment} {session} {settings}"


@serve.deployment(name="PunaReplica")
@serve.ingress()
class PunaReplica:
    """The class that Ray runs; everything that knows HTTP or processes is elsewhere."""

    async def __init__(self, fields: dict[str, Any]) -> None:  # type: ignore[misc]
        settings = Settings(**fields)
        self._closing = False
        self._unanswered = 0
        self._watching: asyncio.Task[None] | None = None
        self._child = ChildServer(find_binary(settings.binary), settings.server_arguments(),
                                  settings.shutdown_timeout_s)
        self._ledger = RestartLedger(identity(settings), os.environ.get("RAY_TMPDIR"))
        refusal = self._ledger.refusal(settings.restarts_max, settings.restarts_window_s)
        if refusal:
            await asyncio.sleep(REFUSED_START_WAIT_S)
            raise ChildFailed(refusal)
        await self._child.start(settings.ready_timeout_s)
        assert self._child.session is not None
        replica = serve.get_replica_context().replica_id.unique_id
        self._pass_through = PassThrough(self._child.session, self._child.port, replica)
        self._watching = asyncio.create_task(self._watch())
        log.info("puna serve is ready: process %s, port %s", self._child.pid, self._child.port)

    async def _watch(self) -> None:
        """Ends this replica as soon as its server has died: waiting for failed health checks would
        turn requests away for seconds."""
        await self._child.wait()
        if self._closing:
            return
        await self._end(await self._child.last_words("while it was serving"))

    async def check_health(self) -> None:
        if self._child.has_ended:
            raise ChildFailed(await self._child.last_words("while it was serving"))
        if await self._child.is_ready():
            self._unanswered = 0
            return
        if lost := await self._child.lost_reason():
            await self._end(f"puna serve (process {self._child.pid}) is lost: {lost}")
        self._unanswered += 1
        words = f"puna serve (process {self._child.pid}) did not answer /ready {self._unanswered} times"
        if self._unanswered >= UNANSWERED_MAX:
            # Nothing is to be waited for: an orderly end would take as long as answers may.
            await self._end(f"{words}, and is ended")
        raise ChildFailed(words)

    async def _end(self, words: str) -> None:
        """The end of this process and of its server, for a reason that the next replica is told."""
        log.error("%s; this replica ends and is replaced", words)
        self._ledger.record(words)
        self._closing = True
        await self._child.kill()
        await asyncio.sleep(DEATH_GRACE_S)
        os._exit(1)

    async def __del__(self) -> None:
        """Called and awaited by Ray once, after the running requests have ended."""
        self._closing = True
        await self._child.stop()

    def __serve_build_asgi_app__(self) -> Any:
        # A plain function: servers take a bound method for another kind of application.
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                from puna.pass_through import answer_lifespan

                await answer_lifespan(receive, send)
                return
            await self._pass_through(scope, receive, send)

        return application


def serve_host() -> str:
    """The address that Ray's HTTP proxy listens on; empty when it is not known."""
    try:
        controller = ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
        return str(ray.get(controller.get_http_config.remote()).host or "")
    except Exception as failure:  # no cluster yet: `serve build`, or a program of the user's own
        log.debug("the address of Ray's proxy is not known: %r", failure)
        return ""


def check_exposure(settings: Settings, host: str) -> None:
    """The same rule as for `puna serve --host`: other machines need a key."""
    if not host or host in LOOPBACK_HOSTS or settings.insecure_no_auth or settings.has_api_key():
        return
    raise SettingsError(
        f"http_options.host {host} lets other machines in, and no key is set; give args.flags.api-key-file "
        "or PUNA_API_KEY, or args.insecure_no_auth: true if something else protects it")


def app(args: dict[str, Any]) -> Any:
    """Builds the application from `args` of the Serve YAML (or `serve run … name=value`)."""
    settings = parse_settings(args)
    find_binary(settings.binary)
    check_exposure(settings, serve_host())
    deployment: Any = PunaReplica
    deployment = deployment.options(**settings.deployment_options())
    return deployment.bind(dataclasses.asdict(settings))
