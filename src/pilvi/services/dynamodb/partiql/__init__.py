"""PartiQL: statements become the reads and writes that the other operations are made of.

`binding.py`: values, conditions and updates. `targets.py`: the keys that a clause names. `reading.py`: SELECT.
`access.py`: what a statement needs permission for. Statements that write are in `partiql_writes.py`: writing needs
the service, which asks for permission by what is here. The operations are with all others, in `operations/partiql.py`.
"""
