"""The words that every other package uses: reasons, readings, conditions, architectures."""
