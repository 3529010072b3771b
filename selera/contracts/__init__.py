"""What every room shares: columns, ids, arrays of interactions, protocols, errors."""
