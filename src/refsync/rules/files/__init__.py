"""Rule files: a folder of TOML read and checked, every problem with its place; their schema, layout and tests."""
