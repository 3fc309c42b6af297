"""What OBS's websocket server says, by obs-websocket's protocol, version 5, and no more of it."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_WRONG_PASSWORD = 4009
_TEXT, _CLOSE = 1, 8
_SALT, _CHALLENGE = "salt of the earth", "a challenge"
_ANSWERS: dict[str, dict[str, Any]] = {
    "GetCurrentProgramScene": {"currentProgramSceneName": "Scene"},
    "GetInputList": {"inputs": []},
    "CreateInput": {"inputUuid": "1", "sceneItemId": 1},
}


@dataclass
class Obs:
    """An OBS that wants a password, or none; ``requests`` holds what it was asked."""

    password: str = ""
    port: int = 0
    client: socket.socket | None = None
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def authentication(self) -> str:
        secret = hashlib.sha256((self.password + _SALT).encode()).digest()
        answer = base64.b64encode(secret) + _CHALLENGE.encode()
        return base64.b64encode(hashlib.sha256(answer).digest()).decode()


@contextmanager
def obs_websocket(password: str = "") -> Iterator[Obs]:
    """Be OBS's websocket server, for one client."""
    obs = Obs(password)
    with socket.create_server(("127.0.0.1", 0)) as server:
        obs.port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server, obs), daemon=True)
        thread.start()
        try:
            yield obs
        finally:
            if obs.client is not None:  # It may be one that forgot to leave.
                with suppress(OSError):
                    obs.client.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(server: socket.socket, obs: Obs) -> None:
    with suppress(OSError, EOFError):
        client, _ = server.accept()
        with client:
            obs.client = client
            client.settimeout(5)
            _greet(client)
            _talk(client, obs)


def _greet(client: socket.socket) -> None:
    """The opening handshake of RFC 6455."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += client.recv(4096)
    fields = (line.partition(": ") for line in asked.decode().split("\r\n"))
    key = next(value for name, _, value in fields if name.lower() == "sec-websocket-key")
    accepted = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(accepted).decode()}",
    ]
    client.sendall("\r\n".join([*lines, "", ""]).encode())


def _talk(client: socket.socket, obs: Obs) -> None:
    hello: dict[str, Any] = {"obsWebSocketVersion": "5.1.0", "rpcVersion": 1}
    if obs.password:
        hello["authentication"] = {"challenge": _CHALLENGE, "salt": _SALT}
    _say(client, 0, hello)
    identified = _hear(client)
    if obs.password and identified.get("authentication") != obs.authentication:
        _send(client, _CLOSE, struct.pack(">H", _WRONG_PASSWORD) + b"Authentication failed.")
        return
    _say(client, 2, {"negotiatedRpcVersion": 1})
    while True:
        request = _hear(client)
        kind = request["requestType"]
        obs.requests.append((kind, request.get("requestData", {})))
        done = {"result": True, "code": 100}
        answer = {"requestType": kind, "requestId": request["requestId"], "requestStatus": done}
        _say(client, 7, {**answer, "responseData": _ANSWERS.get(kind, {})})


def _say(client: socket.socket, op: int, data: dict[str, Any]) -> None:
    _send(client, _TEXT, json.dumps({"op": op, "d": data}).encode())


def _send(client: socket.socket, opcode: int, data: bytes) -> None:
    client.sendall(struct.pack(">BBH", 0x80 | opcode, 126, len(data)) + data)


def _hear(client: socket.socket) -> dict[str, Any]:
    """What a client says next: one masked frame."""
    opcode, size = struct.unpack(">BB", _read(client, 2))
    if opcode & 15 != _TEXT:
        raise EOFError
    size &= 127
    if size == 126:
        (size,) = struct.unpack(">H", _read(client, 2))
    mask, data = _read(client, 4), _read(client, size)
    said: dict[str, Any] = json.loads(bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
    return dict(said["d"])


def _read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data
