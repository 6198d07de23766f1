"""Measurements of speed, each beside what bounds it in the same run; ``foresight bench`` runs them."""
