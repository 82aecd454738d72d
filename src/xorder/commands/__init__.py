"""The command groups of the probes: files and a recipe's options to what the main job writes."""
