"""Studies of particular questions, each with its section of a report.

A new one is a module here with a function under `@section(place)` of
`sweep.reports.sections.registry`, whose place says where in the report it stands.
"""
