"""A finished run as a folder that a model hub takes."""
