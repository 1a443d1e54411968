"""What people see of a window: pages, pictures, lines of a terminal."""
