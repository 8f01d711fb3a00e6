"""Has LightGBM imported as the service does, before a test imports it: without pandas and scikit-learn, a second less.

Whoever trains from a frame does so in a process of its own, as people do.
"""

import scoreline.models.booster  # noqa: F401
