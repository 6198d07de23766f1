"""What is computed from runs and trained models: statistics of curves, and analyses as generators."""
