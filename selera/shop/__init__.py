"""Shops to try Selera with: a simulated one, and importers of public data sets."""

from .config import ShopConfig
from .importing import IMPORTERS, import_dataset
from .seeding import seed_shop
from .truth import Truth, hidden_truth

__all__ = ["IMPORTERS", "ShopConfig", "Truth", "hidden_truth", "import_dataset", "seed_shop"]
