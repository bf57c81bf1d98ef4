"""The shared store: a schema in a PostGIS database."""
