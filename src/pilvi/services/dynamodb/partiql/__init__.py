"""PartiQL: statements become the reads and writes that the other operations are made of.

`binding.py`: values, conditions and updates. `reading.py`: SELECT. `writing.py`: INSERT, UPDATE, DELETE.
`access.py`: what a statement needs permission for. The operations are with all others, in `operations/partiql.py`.
"""
