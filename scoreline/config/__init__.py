"""Configuration: read once from the environment, validated together, immutable from then on."""
