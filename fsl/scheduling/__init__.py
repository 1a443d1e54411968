"""When something runs, and that it runs once: cron lines, triggers, what announces data, claims. Free of Prefect."""
