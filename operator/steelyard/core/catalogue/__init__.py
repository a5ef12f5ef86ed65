"""What is known of accelerators and instance types before anything is measured: facts, and claims, each with source and date."""
