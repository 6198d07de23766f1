"""The desktop application. It computes nothing scientific: it draws what workbench yields and storage returns."""
