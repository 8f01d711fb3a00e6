"""Labels that come after their predictions: joined to them in bounded memory, and what they say of each version."""
