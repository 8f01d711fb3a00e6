"""Whether what is scored still looks like the training: windows of counts, judged against a version's baseline."""
