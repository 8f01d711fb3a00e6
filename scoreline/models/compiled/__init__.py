"""Trees as native code: compiled in a child process while LightGBM serves, and taken only where both agree."""
