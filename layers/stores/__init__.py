"""The stores behind `layers.store`: one module per kind."""
