"""The engine: sessions, what drives them, and what records them."""
