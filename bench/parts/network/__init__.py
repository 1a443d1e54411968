"""What stands between a client and a real server: a proxy with chosen faults, and a wire that can be cut."""
