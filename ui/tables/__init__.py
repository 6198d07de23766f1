"""Tables: models, delegates and views."""
