"""Models: the interface, LightGBM behind it, the store of versioned artifacts, and the versions that are live."""
