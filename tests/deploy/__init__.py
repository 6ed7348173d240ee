"""What deploy/ ships, run by hand on loopback: there is no Docker here."""
