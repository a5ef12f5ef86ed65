"""The words users speak: CRD models, conditions, and the generator of crds/."""
