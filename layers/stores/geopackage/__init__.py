"""The embedded store: a GeoPackage file."""
