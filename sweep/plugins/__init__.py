"""Users' own code, named `package.module:name`: found, checked against its plan, and loaded."""
