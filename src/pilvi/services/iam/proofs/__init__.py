"""What users have to prove who they are: records of each kind, and what tells whether a proof is good.

Every record is found by the unique id of the user who has it (the account's for root), which a renaming leaves as it
is. Users have none of it left when they are deleted: `DeleteUser` refuses before.
"""
