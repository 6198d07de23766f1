"""The commands of ``foresight``, a few to a file: each adds its parsers, and imports what it needs when it runs."""
