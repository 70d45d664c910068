"""Whatever state holds comes back equal, and nothing that was not allowed comes back as an object."""
