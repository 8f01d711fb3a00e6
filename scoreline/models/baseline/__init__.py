"""What a version's inputs and outputs looked like in training: the grid that they are counted on, and the counts."""
