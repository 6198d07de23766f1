"""Plots: thin pieces over pyqtgraph in the application's look."""
