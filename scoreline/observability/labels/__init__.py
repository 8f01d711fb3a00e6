"""Labels that come later, joined to the predictions that they judge."""
