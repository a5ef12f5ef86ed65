"""Steelyard: run each model where one good request costs least, as measured on your own traffic."""
