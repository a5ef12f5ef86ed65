"""The one way to the API server: raw JSON in and out, typed errors, explicit timeouts, fenced writes.

Login, TLS, proxies and token refresh are those of `kubernetes.aio`: its Configuration, and the session that its REST client builds from it.
The request itself goes straight to that session, not through `RESTClientObject.request`, for two reasons. The generated path costs
four times the CPU a request. And it serialises the body itself, before the connection is made; the fence must be asked after the
connection stands and immediately before the body is written, which only a body of our own can do (`_FencedBody`).

Nothing is retried here but a 401, once, with fresh credentials: the work queue retries, and it knows how often.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, Self, cast

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from yarl import URL

from steelyard.control.clock import Clock
from steelyard.control.kube.credentials import Credentials
from steelyard.control.kube.errors import ApiError, ConnectionLost, Gone, TimedOut, TooManyRequests, Unauthorized, Unreachable, from_answer
from steelyard.control.kube.fence import Fence, LeadershipLost, OpenFence
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import Resource
from steelyard.control.kube.throttle import Throttle

FIELD_MANAGER = "steelyard"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_AS_US = {"fieldManager": FIELD_MANAGER}


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a collection, as of one resourceVersion."""

    items: list[Manifest]
    version: str


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for the connection, for one request, for one page of a list."""

    connect: float = 5.0
    request: float = 30.0
    page: float = 60.0


class RequestObserver(Protocol):
    """Told about every answer (or code 0 where there was none)."""

    def request_ended(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """One request ended."""
        ...


INITIAL_EVENTS_END = "k8s.io/initial-events-end"
DateObserver = Callable[[datetime, float, float], None]
"""Told the server's Date and the stopwatch before and after (AnchoredClock.anchor)."""


class _Transport(RESTClientObject):
    """The official client's REST layer, asked only for the session it would use."""

    def session(self) -> aiohttp.ClientSession:
        return self._create_pool_manager()


class _FencedBody(aiohttp.BytesPayload):
    """A request body that asks the fence when the connection stands and it is about to be written.

    A process that was stopped between its decision and this moment learns here that its Lease is gone; headers without their body
    commit nothing.
    """

    def __init__(self, content: bytes, fence: Fence, content_type: str) -> None:
        super().__init__(content, content_type=content_type)
        self._fence = fence
        self.sent = False
        self.refusal: LeadershipLost | None = None

    @classmethod
    def of(cls, content: bytes | None, fence: Fence, content_type: str) -> Self | None:
        return None if content is None else cls(content, fence, content_type)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        try:
            self._fence.check()
        except LeadershipLost as lost:
            self.refusal = lost
            raise
        self.sent = True
        await super().write_with_length(writer, content_length)


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked: the verb as metrics name it, and how HTTP says it."""

    verb: str
    label: str
    method: str
    path: str
    query: Mapping[str, str]
    where: str = ""

    @property
    def subject(self) -> str:
        return f"{self.verb} {self.where or self.path}"


class _Connection:
    """A session with its settings; replaced as a whole when the credentials are read again."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.base = str(configuration.host).rstrip("/")
        self.server_name: str | None = configuration.tls_server_name or None
        self.proxy: str | None = configuration.proxy or None
        self.session = _Transport(configuration).session()

    async def headers(self) -> dict[str, str]:
        headers = {"Accept": _JSON, "User-Agent": "steelyard"}
        settings: Mapping[str, Any] = await self.configuration.auth_settings()
        for setting in settings.values():
            if setting["in"] == "header" and setting["value"]:
                headers[str(setting["key"])] = str(setting["value"])
        return headers


class _Link:
    """What all views of one client share: the connection, and how to make it anew."""

    def __init__(self, credentials: Credentials, connection: _Connection) -> None:
        self.credentials = credentials
        self.connection = connection
        self._lock = asyncio.Lock()

    async def renew(self, stale: _Connection) -> None:
        async with self._lock:
            if self.connection is not stale:
                return  # somebody else was refused too and was faster
            self.connection = _Connection(await self.credentials.load())
            # Requests in flight on the old session end with an error of their own; closing it later would need to count them.
            await stale.session.close()


class ApiClient:
    """Reads and writes objects as raw JSON.

    Every method raises an `ApiError`; every write raises `LeadershipLost` when the fence is shut, and then nothing was sent.
    """

    def __init__(
        self,
        link: _Link,
        *,
        clock: Clock,
        fence: Fence,
        throttle: Throttle | None,
        timeouts: Timeouts,
        observer: RequestObserver | None,
        on_date: DateObserver | None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._fence = fence
        self._throttle = throttle
        self._timeouts = timeouts
        self._observer = observer
        self._on_date = on_date

    @classmethod
    async def connect(
        cls,
        credentials: Credentials,
        *,
        clock: Clock,
        fence: Fence | None = None,
        throttle: Throttle | None = None,
        timeouts: Timeouts | None = None,
        observer: RequestObserver | None = None,
        on_date: DateObserver | None = None,
    ) -> Self:
        """Load the credentials and open a session. No request is sent yet. Raises CredentialsMissing.

        Without a fence writes are not fenced (the command line); without a throttle neither bucket nor Retry-After delays a write.
        """
        link = _Link(credentials, _Connection(await credentials.load()))
        return cls(
            link,
            clock=clock,
            fence=fence or OpenFence(),
            throttle=throttle,
            timeouts=timeouts or Timeouts(),
            observer=observer,
            on_date=on_date,
        )

    def view(self, *, fence: Fence, throttle: Throttle | None = None) -> Self:
        """The same session with another fence, and with another throttle or none: who only asks waits behind nobody's writes, and for no
        Retry-After."""
        return type(self)(
            self._link,
            clock=self._clock,
            fence=fence,
            throttle=throttle,
            timeouts=self._timeouts,
            observer=self._observer,
            on_date=self._on_date,
        )

    async def close(self) -> None:
        """Close the session, also for all views."""
        await self._link.connection.session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # --- reading ------------------------------------------------------------------------------------------------------------------

    async def get(self, resource: Resource, namespace: str | None, name: str, *, within: float | None = None) -> Manifest:
        """One object. Raises NotFound, TimedOut after `within` seconds."""
        path = resource.path(namespace=namespace, name=name)
        return await self._read("get", resource, path, {}, within or self._timeouts.request)

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        page_size: int = 500,
    ) -> AsyncIterator[Listing]:
        """A collection page by page. Raises Gone when the continue token expired between two pages: start again."""
        query = {"limit": str(page_size)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        while True:
            answer = await self._read("list", resource, resource.path(namespace=namespace), query, self._timeouts.page)
            meta = answer.get("metadata") or {}
            # Items of built-in kinds come without these two; a watch brings them, and the store must hold the same either way.
            items = [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in answer.get("items") or ()]
            yield Listing(items, str(meta.get("resourceVersion") or ""))
            following = meta.get("continue")
            if not following:
                return
            query["continue"] = str(following)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        page_size: int = 500,
        keep: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    ) -> Listing:
        """A whole collection as of one resourceVersion, of each object what `keep` makes of it. Starts again once if the continue token
        expires."""
        selectors = {"label_selector": label_selector, "field_selector": field_selector}
        try:
            return await self._gather(self.pages(resource, namespace, page_size=page_size, **selectors), keep)
        except Gone:
            # Unpaged cannot expire: heavier for the server, but a second expiry would only repeat itself.
            return await self._gather(self.pages(resource, namespace, page_size=0, **selectors), keep)

    async def streams_lists(self, resource: Resource) -> bool:
        """Whether a watch of this resource may begin with what is there (WatchList, which Kubernetes 1.34 has by default): asked of the
        server itself, since a cluster may have it turned off. A watch for no object in particular ends with a bookmark that says so."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "fieldSelector": "metadata.name=none",
            "timeoutSeconds": "1",
        }
        try:
            answer = await self._read("watch", resource, resource.path(), query, self._timeouts.request)
        except ApiError:
            return False  # Then everything is listed first, as ever.
        about = answer.get("object")
        return isinstance(about, dict) and INITIAL_EVENTS_END in ((about.get("metadata") or {}).get("annotations") or {})

    async def serves(self, resource: Resource) -> bool:
        """Whether the API server serves this resource, at this version: a probe for CRDs and optional kinds."""
        try:
            answer = await self._read("get", resource, resource.discovery_path, {}, self._timeouts.request)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return any(found.get("name") == resource.plural for found in answer.get("resources") or ())

    async def server_version(self) -> tuple[int, int]:
        """Major and minor version of the API server."""
        answer = await self._request(_Call("get", "version", "GET", "/version", {}), self._timeouts.request)
        digits = "".join(character for character in str(answer["minor"]) if character.isdigit())
        return int(answer["major"]), int(digits)

    # --- writing ------------------------------------------------------------------------------------------------------------------

    async def create(self, resource: Resource, manifest: Manifest, *, within: float | None = None) -> Manifest:
        """Create an object. Raises AlreadyExists, Invalid, Forbidden (QuotaExceeded, NamespaceTerminating)."""
        meta = manifest.get("metadata") or {}
        path = resource.path(namespace=meta.get("namespace"))
        call = _Call("create", resource.label, "POST", path, _AS_US, f"{path} {meta.get('name')}")
        return await self._write(call, manifest, _JSON, within)

    async def replace(self, resource: Resource, manifest: Manifest, *, within: float | None = None) -> Manifest:
        """Replace an object at the resourceVersion in its metadata. Raises Conflict."""
        meta = manifest["metadata"]
        _demand_version(meta.get("resourceVersion"))
        path = resource.path(namespace=meta.get("namespace"), name=meta["name"])
        return await self._write(_Call("update", resource.label, "PUT", path, _AS_US), manifest, _JSON, within)

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Server-side apply as `steelyard`, never forced, at the resourceVersion (and uid) in the manifest's metadata.

        Raises Conflict when the object is elsewhere or gone, FieldConflict when other managers own fields of ours. Without a
        resourceVersion a stale process could overwrite a newer state of the same manager, so one is demanded.
        """
        meta = manifest["metadata"]
        _demand_version(meta.get("resourceVersion"))
        path = resource.path(namespace=meta.get("namespace"), name=meta["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "false"}
        return await self._write(_Call("apply", resource.label, "PATCH", path, query), manifest, _APPLY)

    async def patch_managers(
        self, resource: Resource, namespace: str | None, name: str, managed_fields: Sequence[Mapping[str, Any]], *, version: str, uid: str
    ) -> Manifest:
        """Replace metadata.managedFields at this resourceVersion and uid. Raises Conflict, NotFound."""
        _demand_version(version)
        path = resource.path(namespace=namespace, name=name)
        body = {"metadata": {"resourceVersion": version, "uid": uid, "managedFields": list(managed_fields)}}
        return await self._write(_Call("patch", resource.label, "PATCH", path, _AS_US), body, _MERGE)

    async def patch_owners(
        self, resource: Resource, namespace: str | None, name: str, owners: Sequence[Mapping[str, Any]], *, version: str, uid: str
    ) -> Manifest:
        """Replace metadata.ownerReferences at this resourceVersion and uid: how a shared object learns of another user."""
        _demand_version(version)
        path = resource.path(namespace=namespace, name=name)
        body = {"metadata": {"resourceVersion": version, "uid": uid, "ownerReferences": list(owners)}}
        return await self._write(_Call("patch", resource.label, "PATCH", path, _AS_US), body, _MERGE)

    async def patch_annotations(
        self, resource: Resource, namespace: str, name: str, annotations: Mapping[str, str | None], *, version: str, uid: str
    ) -> Manifest:
        """Set annotations at this resourceVersion and uid; None removes one. Raises Conflict, NotFound."""
        _demand_version(version)
        path = resource.path(namespace=namespace, name=name)
        body = {"metadata": {"resourceVersion": version, "uid": uid, "annotations": dict(annotations)}}
        return await self._write(_Call("patch", resource.label, "PATCH", path, _AS_US), body, _MERGE)

    async def patch_status(
        self, resource: Resource, namespace: str | None, name: str, status: Mapping[str, Any], *, version: str, uid: str
    ) -> Manifest:
        """Merge-patch the status at this resourceVersion and uid. Raises Conflict, NotFound.

        Merge patch: a key with None removes the field, lists are replaced as a whole.
        """
        _demand_version(version)
        path = resource.path(namespace=namespace, name=name, subresource="status")
        body = {"metadata": {"resourceVersion": version, "uid": uid}, "status": dict(status)}
        return await self._write(_Call("patch_status", resource.label, "PATCH", path, _AS_US), body, _MERGE)

    async def patch_scale(self, resource: Resource, namespace: str, name: str, replicas: int, *, version: str) -> Manifest:
        """Write spec.replicas through the scale subresource at this resourceVersion. Raises Conflict, NotFound."""
        _demand_version(version)
        path = resource.path(namespace=namespace, name=name, subresource="scale")
        body = {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}}
        return await self._write(_Call("patch_scale", resource.label, "PATCH", path, _AS_US), body, _MERGE)

    async def patch_series(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Merge-patch an event's series: the one write without a resourceVersion, because only its poster counts it."""
        path = resource.path(namespace=namespace, name=name)
        return await self._write(_Call("patch", resource.label, "PATCH", path, _AS_US), patch, _MERGE)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        version: str | None = None,
        propagation: str = "Background",
    ) -> Manifest:
        """Delete the object with this uid (at this resourceVersion, if given). Raises Conflict if it is another, NotFound if none.

        Returns the object when its deletion waits for something, a Status when it is gone.
        """
        if not uid:
            raise ValueError("a delete names the uid it means; names are used again")
        preconditions = {"uid": uid} | ({"resourceVersion": version} if version else {})
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions, "propagationPolicy": propagation}
        path = resource.path(namespace=namespace, name=name)
        return await self._write(_Call("delete", resource.label, "DELETE", path, {}), body, _JSON)

    # --- the wire -----------------------------------------------------------------------------------------------------------------

    @staticmethod
    async def _gather(pages: AsyncIterator[Listing], keep: Callable[[Manifest], Manifest]) -> Listing:
        items: list[Manifest] = []
        version = ""
        async for page in pages:
            items += map(keep, page.items)
            await asyncio.sleep(0)  # a page is some milliseconds of work, and a list may have many
            version = version or page.version  # every page of one list has the version of the first
        return Listing(items, version)

    async def _read(self, verb: str, resource: Resource, path: str, query: Mapping[str, str], within: float) -> Manifest:
        return await self._request(_Call(verb, resource.label, "GET", path, query), within)

    async def _write(self, call: _Call, content: object, content_type: str, within: float | None = None) -> Manifest:
        if self._throttle is not None:
            await self._throttle.take()
        self._fence.check()
        patience = min(within or self._timeouts.request, self._fence.patience())
        # The server gives up then too (it takes whole seconds, one at least): a write must not commit long after we stopped waiting.
        call = replace(call, query={**call.query, "timeout": f"{max(1, math.ceil(patience))}s"})
        data = json.dumps(content, separators=(",", ":")).encode()
        return await self._request(call, patience, data, content_type)

    async def _request(self, call: _Call, within: float, data: bytes | None = None, content_type: str = _JSON) -> Manifest:
        connection = self._link.connection
        try:
            return await self._exchange(connection, call, within, _FencedBody.of(data, self._fence, content_type))
        except Unauthorized:
            await self._link.renew(connection)
        except TooManyRequests as refused:
            if self._throttle is not None:
                self._throttle.silence(refused.retry_after)
            raise
        return await self._exchange(self._link.connection, call, within, _FencedBody.of(data, self._fence, content_type))

    async def _exchange(self, connection: _Connection, call: _Call, within: float, body: _FencedBody | None) -> Manifest:
        code = 0
        sent = self._clock.monotonic()
        try:
            async with connection.session.request(
                call.method,
                URL(connection.base + call.path, encoded=True).update_query(call.query),
                data=body,
                headers=await connection.headers(),
                timeout=aiohttp.ClientTimeout(total=max(within, 0.001), connect=self._timeouts.connect),
                server_hostname=connection.server_name,
                proxy=connection.proxy,
                allow_redirects=False,
            ) as response:
                content = await response.read()
                code = response.status
                if self._on_date is not None and (date := response.headers.get("Date")):
                    self._on_date(parsedate_to_datetime(date).astimezone(UTC), sent, self._clock.monotonic())
                answer = _decoded(content)
                if code >= 300:
                    retry_after = _seconds(response.headers.get("Retry-After"))
                    raise from_answer(code, answer, subject=call.subject, write=body is not None, retry_after=retry_after)
                return answer
        except TimeoutError as error:
            raise TimedOut(f"no answer within {within:g} s", subject=call.subject, write=body is not None and body.sent) from error
        except (aiohttp.ClientError, OSError) as error:
            if body is not None and body.refusal is not None:
                raise body.refusal from error
            kind = ConnectionLost if body is None or body.sent else Unreachable
            raise kind(str(error) or type(error).__name__, subject=call.subject, write=body is not None) from error
        finally:
            if self._observer is not None:
                self._observer.request_ended(call.verb, call.label, code, self._clock.monotonic() - sent)


def _demand_version(version: object) -> None:
    if not version:
        raise ValueError("an update names the resourceVersion it was decided on, or a stale process could write it")


def _decoded(content: bytes) -> Manifest:
    """The body as JSON; an answer that is not (a proxy's page) becomes a message, so that errors can show it."""
    try:
        answer = json.loads(content) if content else {}
    except ValueError:
        return {"message": content[:500].decode(errors="replace").strip()}
    return cast("Manifest", answer) if isinstance(answer, dict) else {"message": str(answer)[:500]}


def _seconds(header: str | None) -> float:
    """Retry-After as the API server writes it: whole seconds. A date (some proxies) counts as one second."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        return 1.0
