"""Asks the cluster: its topics, its groups, and why nothing answers."""
