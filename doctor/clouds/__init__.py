"""What the doctor asks of each cloud, read-only, by the environment's own endpoints and credentials."""
