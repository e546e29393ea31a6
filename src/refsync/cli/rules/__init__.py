"""`refsync rules`: what admins do with rule files."""
