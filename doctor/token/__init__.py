"""What a token is, where it comes from, and whether its signature and times hold."""
