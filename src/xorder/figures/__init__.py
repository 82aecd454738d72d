"""Figures of the main job: one module a family; the data drawn are saved beside each figure."""
