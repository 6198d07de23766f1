"""The desktop application. It computes nothing scientific: it draws what the workbench yields and the storage returns."""
