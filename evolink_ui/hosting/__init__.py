"""A local file becomes a public URL that EvoLink can fetch."""

from .host import Host, Hosted, HostingError

__all__ = ["Host", "Hosted", "HostingError"]
