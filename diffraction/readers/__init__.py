"""File formats: one module a format, each from a path to the probe's data class."""
