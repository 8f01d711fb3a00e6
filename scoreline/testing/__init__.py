"""For tests of scoreline and of what is built on it: real brokers as fixtures, faults, and fakes of the ports."""
