"""The nightly run of lifecycle rules, and what people may ask of it. The rules themselves are in `lifecycle`."""
