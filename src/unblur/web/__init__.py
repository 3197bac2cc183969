"""The local page and its HTTP API: uploads in, restored photos out, nothing leaves the machine."""
