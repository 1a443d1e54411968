"""One retrain as the store sees it: its plan, its finished steps, its page."""
