"""The desktop application. It computes nothing scientific: it draws what workbench yields and storage returns."""

import storage  # noqa: F401  before Qt, which from then on reads the source of every module that is imported
