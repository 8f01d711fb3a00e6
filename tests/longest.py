"""Files whose tests take longest, as measured."""

LONGEST = ("tests/torture/test_torture.py",)
