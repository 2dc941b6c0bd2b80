"""Browser uploads: a form that is POSTed to a bucket (POST Object)."""
