"""The stream role: the loop that reads, scores and delivers, and what it shows of itself."""
