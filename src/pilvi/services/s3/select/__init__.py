"""SelectObjectContent: queries over one object.

`orders` reads what a request wants, `source` gives the object's bytes, `answering` makes events of what the query says.
The language is `languages/select_sql`, the process that runs it `compute/queries`.
"""
