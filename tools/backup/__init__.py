"""A backup of a system in a folder, and a system made from it again (docs/run-it.md, decision 0184): what
`stepdown backup` and `stepdown restore` do."""
