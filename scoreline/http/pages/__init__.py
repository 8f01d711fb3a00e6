"""Pages for people, each whole in one answer: nothing is loaded from elsewhere, and nothing else may run in them."""
