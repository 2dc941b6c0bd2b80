"""Who is calling: signatures, principals, permissions."""
