"""The status page: what is wrong, in words, and how everything stands; sources → picture → text."""
