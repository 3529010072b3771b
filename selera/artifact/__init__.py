"""The model file: a pickle of builtins and bytes, in which no code can hide, mapped from disk."""

from .format import FORMAT_VERSION
from .reading import Artifact, open_artifact, verify_artifact
from .writing import write_artifact

__all__ = ["FORMAT_VERSION", "Artifact", "open_artifact", "verify_artifact", "write_artifact"]
