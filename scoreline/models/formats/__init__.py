"""Formats of models: what scoreline has to know of a kind of artifact to publish, prove and serve it.

LightGBM's text is built in. A package adds another with an entry point of the group `scoreline.model_formats`, whose
name is the format's and whose value is a `ModelFormat` or a callable without arguments that makes one.
`docs/model-formats.md` tells how, `scoreline.testing.formats` holds what every format has to pass.
"""

from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.formats.declared import declare_features, name_classes
from scoreline.models.formats.known import KnownFormats
from scoreline.models.formats.model_format import Description, ModelFormat
from scoreline.models.frames import ColumnTypes
from scoreline.models.inspection import Output

__all__ = [
    "ColumnTypes",
    "Description",
    "FeatureStatement",
    "KnownFormats",
    "ModelFormat",
    "Output",
    "declare_features",
    "name_classes",
]
