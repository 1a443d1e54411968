"""The page that tells a verdict, its Markdown, and the model card."""
