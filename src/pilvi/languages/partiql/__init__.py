"""PartiQL as DynamoDB speaks it: from a statement's text to what it says. Tables, items and their keys are DynamoDB's.

AWS: DynamoDB Developer Guide, "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
"""

from pilvi.languages.partiql.parser import parse as parse
from pilvi.languages.partiql.problems import PartiqlProblem as PartiqlProblem
