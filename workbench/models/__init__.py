"""Networks and world models."""
