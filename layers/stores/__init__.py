"""The stores behind `layers.store`: one package per kind, and what they share."""
