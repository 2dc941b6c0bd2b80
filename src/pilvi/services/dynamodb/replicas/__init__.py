"""Global tables, version 2019.11.21: a table in several regions, each written by anybody, all alike in the end.

`records.py`: what is kept. `rules.py`: what may be asked of replicas. `changing.py`: replicas are added, and go.
`noting.py`: each write of a replica is numbered and waits for the other regions. `settings.py`: what is set in one
region holds in all. `descriptions.py`: what is told of replicas. `scaling.py`: auto scaling, kept and told. The jobs
are in `replicating.py` beside this folder: a lane for each pair of regions, the filling of new replicas, the end of old
ones; permissions are in `policies/replicas.py`.

1. Of each item, every replica keeps the stamp of the write that it has. A new write gets a greater stamp than any
   replica has of the item. A write from another region is applied only if its stamp is greater than the replica's: so
   the last writer wins, in whatever order writes arrive, and all replicas end with the same item.
2. A write is noted in its own transaction, and forgotten in one with its last application or after it.
3. What was applied is never noted again, so nothing goes round.
4. A deleted item's stamp stays for a day, and until everything older has arrived everywhere.
"""
