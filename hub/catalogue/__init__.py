"""The catalogue: how exporters get into it, how their facts stay new, and what programs get."""
