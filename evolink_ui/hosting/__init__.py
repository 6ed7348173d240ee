"""A local file becomes a public URL that EvoLink can fetch."""

from .choose import choose_hosts, put_at_first
from .host import Host, Hosted, HostingError, LocalFile, OnBytes

__all__ = ["Host", "Hosted", "HostingError", "LocalFile", "OnBytes", "choose_hosts", "put_at_first"]
