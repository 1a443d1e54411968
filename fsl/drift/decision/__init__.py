"""What the findings of a window ask for, with reasons, and where decisions are kept."""
