"""Reference structures and computed spectra, with their provenance."""
