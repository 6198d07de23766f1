"""Small painted controls that plain Qt lacks, one per file; each has an accessible name, a focus ring and keys."""
