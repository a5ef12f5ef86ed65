"""What a good request costs: price, attribution, ledger, unit cost."""
