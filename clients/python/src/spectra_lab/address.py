"""Where a lab is, and how to get there."""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc

#: A connection that no longer answers is given up, and one that is wanted is tried for again soon.
OPTIONS = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
]


def parse(address: str, authority: bytes | None) -> tuple[str, grpc.ChannelCredentials | None]:
    """host:port of `http://host:port`, and credentials where it is `https://`."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"http://host:port or https://host:port, not {address!r}")
    return parts.netloc, grpc.ssl_channel_credentials(authority) if parts.scheme == "https" else None
