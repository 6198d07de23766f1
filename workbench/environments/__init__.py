"""Environments: the table of tasks, how one is made and checked, its exact state, and episodes in it.

``catalog`` and ``problem`` import nothing heavy, so that forms and lists can use them before gymnasium is loaded.
"""
