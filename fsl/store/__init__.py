"""The one door to S3: objects, create-only writes, the model registry, and the embedded server."""
